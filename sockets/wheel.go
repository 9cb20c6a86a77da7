package sockets

// wheelSlots is how many seconds ahead the timing wheel reaches. A later deadline is
// checked after that time and entered again.
const wheelSlots = 512

// wheel keeps when connections have to be checked, in slots of a second. It holds
// handles, not pointers: an entry is ignored if its connection has ended or has a newer
// entry. There is no timer per connection.
type wheel struct {
	slots [wheelSlots][]handle
	last  uint32 // the last second that take has handled
}

// handle identifies a connection of a loop for as long as it lives: the slot is reused,
// the generation is not.
type handle struct {
	slot, generation int32
}

// reach returns the second at which a deadline is checked. The wheel reaches wheelSlots
// seconds beyond last. An entry further ahead would be in the slot of a second that take
// has not handled yet, and would be ignored then.
func (w *wheel) reach(at, now uint32) uint32 { return min(max(at, now+1), w.last+wheelSlots) }

// add enters h for a second that reach returned.
func (w *wheel) add(h handle, at uint32) {
	i := at % wheelSlots
	w.slots[i] = append(w.slots[i], h)
}

// take calls f for the entries of each second up to now. After a suspension of the
// process that may be many seconds. All entries are taken out before the first call,
// because f may add one to the slot of an entry that is due.
func (w *wheel) take(now uint32, f func(h handle)) {
	var due []handle
	for first := max(w.last, now-min(now, wheelSlots)); first < now; {
		first++
		i := first % wheelSlots
		if due == nil {
			due = w.slots[i]
		} else {
			due = append(due, w.slots[i]...)
		}
		w.slots[i] = nil
	}
	w.last = now
	for _, h := range due {
		f(h)
	}
}
