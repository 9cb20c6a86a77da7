package channels

// mostLost is the maximum number of channels per stripe whose removed histories are
// remembered.
const mostLost = 512

// lostBytes is what the account is charged for each of them.
const lostBytes = 56

// lostEvents holds, for a history, the offset of the newest event that was dropped,
// and the offset up to which the history was last cleared; 0 means none.
type lostEvents struct{ dropped, cleared uint64 }

// lostHistories remembers what was dropped from channels that store nothing now and
// have no state. Without it, a client that was disconnected while the channel lost
// its last subscriber could not be sure that it missed nothing. The number of
// channels is bounded; a channel that is no longer remembered is assumed to have
// lost the newest event that any such channel lost.
type lostHistories struct {
	byEpoch map[uint64]lostEvents
	order   []uint64 // ring of epochs in the order added; when full, the oldest is at next
	next    int
	rest    uint64 // offset of the newest event that a channel outside byEpoch may have lost
}

// of returns what a channel has lost. Each channel has an epoch of its own.
func (h *lostHistories) of(epoch uint64) lostEvents {
	if lost, ok := h.byEpoch[epoch]; ok {
		return lost
	}
	return lostEvents{dropped: h.rest}
}

// put records what a channel has lost and returns by how many bytes that grows the
// memory.
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

// forget removes all records: any event up to the offset newest may be lost. It
// returns the bytes released.
func (h *lostHistories) forget(newest uint64) int {
	took := lostBytes * len(h.order)
	*h = lostHistories{rest: newest}
	return took
}
