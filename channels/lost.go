package channels

// mostLost is how many channels a stripe knows of whose history is forgotten.
const mostLost = 512

// lostBytes is what is entered for each.
const lostBytes = 56

// lostEvents is the newest event of a history that was dropped, and the newest
// that was emptied out, by their offsets; 0 is none.
type lostEvents struct{ dropped, cleared uint64 }

// lostHistories is what was dropped of channels that keep nothing now and have no
// state: without it nobody who was away while the last subscriber was gone could be
// told that nothing was missed. It is bounded: of channels that it knows no more it
// says that they lost what any of them did.
type lostHistories struct {
	byEpoch map[uint64]lostEvents
	order   []uint64 // epochs as they came, the oldest at next once there are most
	next    int
	rest    uint64 // the newest event that a channel of which nothing is known may have lost
}

// of is what a channel has lost, by the epoch that it has alone.
func (h *lostHistories) of(epoch uint64) lostEvents {
	if lost, ok := h.byEpoch[epoch]; ok {
		return lost
	}
	return lostEvents{dropped: h.rest}
}

// put notes what a channel has lost and returns how many bytes that takes more.
func (h *lostHistories) put(epoch uint64, lost lostEvents) (grown int) {
	if _, ok := h.byEpoch[epoch]; ok {
		h.byEpoch[epoch] = lost
		return 0
	}
	if lost.dropped <= h.rest {
		return 0
	}
	if h.byEpoch == nil {
		h.byEpoch = make(map[uint64]lostEvents)
	}
	h.byEpoch[epoch] = lost
	if len(h.order) < mostLost {
		h.order = append(h.order, epoch)
		return lostBytes
	}
	oldest := h.order[h.next]
	h.rest = max(h.rest, h.byEpoch[oldest].dropped)
	delete(h.byEpoch, oldest)
	h.order[h.next] = epoch
	h.next = (h.next + 1) % mostLost
	return 0
}

// forget drops everything: all that came up to an offset may be lost. It returns
// how many bytes that took.
func (h *lostHistories) forget(newest uint64) int {
	took := lostBytes * len(h.order)
	*h = lostHistories{rest: newest}
	return took
}
