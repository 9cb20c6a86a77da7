package channels

import "fanfare/pusherproto"

// MissedSince decides whether a client that received events up to a serial can
// recover. It returns the offset after which the client's missed events begin,
// or why they cannot be sent. at is the current position of the history, dropped
// the offset of the newest event that is no longer stored, and cleared the
// offset at which the history was last cleared.
func MissedSince(serial string, at pusherproto.Serial, dropped, cleared uint64) (offset uint64, why *LostHistory) {
	seen, ok := pusherproto.ParseSerial(serial)
	switch {
	case !ok:
		return 0, LostSerial
	case seen.Epoch != at.Epoch:
		return 0, LostEpoch
	case seen.Offset > at.Offset:
		return 0, LostSerial
	case seen.Offset < cleared:
		return 0, LostEpoch
	case seen.Offset < dropped:
		return 0, LostEvents
	}
	return seen.Offset, nil
}
