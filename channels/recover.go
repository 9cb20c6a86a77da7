package channels

import "fanfare/pusherproto"

// past sets the events of the history that a socket receives when it joins. The
// caller holds the stripe's lock.
func (m *memory) past(st *memoryStripe, c *channelState, j *Join, answer *Joined) {
	l := c.history()
	if j.History == nil {
		if l != nil { // the rule was removed
			st.empty(l)
			st.emptied(l)
		}
		if j.Recover != "" && !j.Again {
			answer.Lost = LostRule
		}
		return
	}
	answer.At.Offset = st.app.newest.Load()
	if l != nil {
		answer.At.Epoch = l.epoch
		m.renew(st, l, j.History)
	} else {
		answer.At.Epoch = st.app.epoch(j.Channel)
	}
	if j.Again {
		return
	}
	if j.Recover != "" {
		if answer.Past, answer.Lost = st.recover(l, j, answer.At); answer.Lost == nil {
			return
		}
	}
	if l != nil {
		answer.Past = l.frames(max(0, l.n-int32(j.History.Rewind)), pusherproto.SocketID{})
	}
}

// recover returns the events after the last serial that the client received, or
// why that is not possible.
func (st *memoryStripe) recover(l *eventLog, j *Join, at pusherproto.Serial) ([]*Frame, *LostHistory) {
	var lost lostEvents
	if l != nil {
		lost = lostEvents{l.dropped, l.cleared}
	} else {
		lost = st.lost.of(at.Epoch)
	}
	seen, why := MissedSince(j.Recover, at, lost.dropped, lost.cleared)
	if why != nil || l == nil {
		return nil, why
	}
	return l.frames(l.after(seen), j.RecoverSocket), nil
}

// frames returns the frames of the events from a position on, without those that
// the socket was excluded from.
func (l *eventLog) frames(from int32, socket pusherproto.SocketID) []*Frame {
	if from >= l.n {
		return nil
	}
	frames := make([]*Frame, 0, l.n-from)
	for i := from; i < l.n; i++ {
		if e := l.get(i); socket.IsZero() || e.except != socket {
			frames = append(frames, e.frame)
		}
	}
	return frames
}
