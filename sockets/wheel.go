package sockets

// wheelSlots is how many seconds ahead the timing wheel reaches. A later
// deadline is looked at after that time and put back.
const wheelSlots = 512

// wheel keeps when connections are to be looked at, in slots of a second. It
// holds handles, not pointers: an entry whose connection is gone, or has a
// newer entry, says nothing. There is no timer per connection.
type wheel struct {
	slots [wheelSlots][]handle
	last  uint32 // the second that was looked at last
}

// handle names a connection of a loop for as long as it lives: the slot is
// reused, the generation is the connection's own.
type handle struct {
	slot, generation int32
}

// reach is the second at which a deadline is looked at. The wheel counts from
// the second that was looked at last: farther ahead is the place of one that is
// still to be looked at, where the entry would be taken for an outdated one.
func (w *wheel) reach(at, now uint32) uint32 { return min(max(at, now+1), w.last+wheelSlots) }

// add has h looked at in a second that reach returned.
func (w *wheel) add(h handle, at uint32) {
	i := at % wheelSlots
	w.slots[i] = append(w.slots[i], h)
}

// take calls f for the entries of each second up to now, which may be many at
// once after a stop of the process. All are taken out before the first call: an
// entry that f adds can have the place of one that is due.
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
