package channels

import (
	"bytes"
	"slices"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// asked is what a session needs of a Join when its answer arrives.
type asked struct {
	userID   string
	history  *apps.HistoryRule
	paid     int // deliveries that chargeAnswer has charged for the answer
	again    bool
	recovers bool
}

// addPast adds the events of the history that the socket receives to the answer to
// a subscription, and records the weight of the answer. On a cache channel the
// cached event is not sent separately if it is among these events, or if the
// socket recovers and has received it already.
func (s *Session) addPast(m *Mail, of asked, j *Joined) {
	g, lost := m.group, j.Lost
	past, cut := fitting(j.Past, int(s.hub.mostPast.Load()))
	recovers := of.recovers && lost == nil
	if recovers && cut {
		recovers, lost = false, LostBytes
		past = past[max(0, len(past)-of.history.Rewind):]
	}
	if j.Cached != nil && (recovers || slices.ContainsFunc(past, j.Cached.same)) {
		m.second = nil
	}
	if lost != nil {
		first := []*Frame{recoveryFailed(g.channel.name, lost)}
		if m.second != nil {
			first = append(first, m.second)
		}
		past, m.second = append(first, past...), nil
	}
	for _, f := range past {
		m.weight += weightOf(f)
	}
	all := m.weight + weightOf(m.frame) + weightOf(m.second)
	if !recovers && (!m.again || j.At.Epoch == 0) {
		g.channel.weight.Store(all)
	}
	if len(past) == 0 {
		return
	}
	m.call = func() {
		for _, f := range past {
			s.conn.Send(f)
		}
		s.chargePast(g, int(all), of.paid)
	}
}

// fitting returns the newest frames that fit in most bytes, each with its
// overhead, and whether older ones were cut off.
func fitting(frames []*Frame, most int) (fit []*Frame, cut bool) {
	for i := len(frames) - 1; i >= 0; i-- {
		if most -= len(frames[i].buf) + frameSize; most < 0 {
			return frames[i+1:], true
		}
	}
	return frames, false
}

func recoveryFailed(channel string, why *LostHistory) *Frame {
	size := 80 + len(channel) + len(why.Reason) + len(why.Message)
	return seal(pusherproto.AppendRecoveryFailed(beginFrame(size), channel, why.Reason, why.Message))
}

// same reports whether two frames hold the same message, with its serial.
func (f *Frame) same(other *Frame) bool {
	return f == other || bytes.Equal(f.Payload(), other.Payload())
}
