package channels

import (
	"bytes"
	"slices"

	"fanfare/pusherproto"
)

// addPast has the answer to a subscription bring what the socket is sent of the
// history, and notes what such an answer costs. On a cache channel the event it
// remembers may be a part of that, or one that who recovers knows: then it is not
// sent by itself.
func (s *Session) addPast(m *Mail, recovers bool, j *Joined) {
	g, past := m.group, j.Past
	recovers = recovers && j.Lost == nil
	if j.Cached != nil && (recovers || slices.ContainsFunc(past, j.Cached.same)) {
		m.second = nil
	}
	if j.Lost != nil {
		first := []*Frame{recoveryFailed(g.channel.name, j.Lost)}
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
		if recovers {
			s.chargeRecovery(g, int(all))
		}
	}
}

func recoveryFailed(channel string, why *LostHistory) *Frame {
	size := 80 + len(channel) + len(why.Reason) + len(why.Message)
	return seal(pusherproto.AppendRecoveryFailed(beginFrame(size), channel, why.Reason, why.Message))
}

// same tells whether two frames hold the same message, with its serial.
func (f *Frame) same(other *Frame) bool {
	return f == other || bytes.Equal(f.Payload(), other.Payload())
}
