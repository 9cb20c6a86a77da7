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
// reused, the generation is not.
type handle struct {
	slot, generation int32
}

func (w *wheel) add(h handle, at, now uint32) uint32 {
	at = min(max(at, now+1), now+wheelSlots-1)
	i := at % wheelSlots
	w.slots[i] = append(w.slots[i], h)
	return at
}

// take calls f for the entries of each second up to now. After a stop of more
// than all slots, at is not the second an entry was added for but a later one.
func (w *wheel) take(now uint32, f func(h handle, at uint32)) {
	if now-w.last > wheelSlots {
		w.last = now - wheelSlots // the process was stopped for a while
	}
	for w.last < now {
		w.last++
		i := w.last % wheelSlots
		due := w.slots[i]
		w.slots[i] = nil
		for _, h := range due {
			f(h, w.last)
		}
	}
}
