package channels

import "fanfare/pusherproto"

// MissedSince decides about a recovery: from which offset on a client has missed
// events that it saw up to a serial, or why it cannot be sent them. At is the
// current position of the history, dropped the last event that is not kept any
// more, and cleared the position at which it was last emptied.
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
