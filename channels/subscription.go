package channels

import (
	"cmp"
	"fmt"

	"fanfare/pusherproto"
)

// noSerial stands for a "recover" that is not a string. It is never a valid serial.
const noSerial = "?"

func (s *Session) subscribe(m pusherproto.Message, payload []byte) {
	req, perr := pusherproto.DecodeSubscribe(m.Data)
	if perr != nil {
		s.refuseMessage(perr)
		return
	}
	old := s.find(req.Channel)
	if old >= 0 && s.places[old].waits() {
		s.hold(req.Channel, payload)
		return
	}
	if !s.affords() { // before the signature is checked, which costs time
		s.refuse(req.Channel, tooOften)
		return
	}
	kind, member, refusal := s.admit(req)
	if refusal == nil && old >= 0 && s.places[old].userID() != member.UserID {
		refusal = &pusherproto.SubscriptionError{
			Type: "AuthError", Status: 401,
			Message: "Existing subscription to channel " + shown(req.Channel) + " as another user_id; " +
				"unsubscribe first, or send the same user_id",
		}
	}
	if refusal == nil && old < 0 && !kind.UserChannel() && len(s.places) >= s.app.Limits.MaxSubscriptions {
		refusal = &pusherproto.SubscriptionError{
			Type: "LimitReached", Status: pusherproto.CodeOverQuota,
			Message: fmt.Sprintf("The socket is at its limit of %d subscriptions; "+
				"unsubscribe from a channel first", s.app.Limits.MaxSubscriptions),
		}
	}
	if refusal != nil {
		s.refuse(req.Channel, refusal)
		return
	}
	if kind.UserChannel() {
		// Every signed-in socket receives the events for its user anyway: the
		// subscription is only acknowledged (docs/spec/users.md#events-to-a-user).
		s.send(pusherproto.AppendSubscriptionSucceeded(beginFrame(96+len(req.Channel)), req.Channel))
		s.logChannel("subscribed", req.Channel, s.user.id)
		return
	}
	if old < 0 {
		if old = s.enter(req.Channel, kind); old < 0 {
			return
		}
	} else {
		s.places[old].again = true
	}
	g := s.places[old].group
	paid := s.chargeAnswer(&s.places[old])
	join := Join{
		App: s.app, Channel: g.channel.name, Kind: kind, Socket: s.id, Member: member,
		Again: s.places[old].again, History: historyOf(s.app, kind, req.Channel),
	}
	if req.Recovers && !join.Again {
		join.Recover = cmp.Or(req.Recover, noSerial)
		join.RecoverSocket, _ = pusherproto.ParseSocketID(req.RecoverSocket)
	}
	of := asked{userID: member.UserID, history: join.History, paid: paid, again: join.Again, recovers: join.Recover != ""}
	s.hub.cluster.Join(join, func(j Joined) { s.answerJoin(g, of, j) })
}

// enter adds a place on a channel, which waits for the cluster's answer, and
// returns its position. If there is no room, it refuses the subscription and
// returns -1.
func (s *Session) enter(channel string, kind pusherproto.Kind) int {
	if why := s.full(); why != nil {
		s.refuseFull(channel, why)
		return -1
	}
	most := s.app.Limits.MaxChannels
	g := s.tenant.table.join(channel, kind, s.tenant, most)
	if g == nil {
		s.refuseFull(channel, appShortage("The app is at its limit of %d channels on this server", most))
		return -1
	}
	s.keep(g)
	return len(s.places) - 1
}

// refuse refuses a subscription and keeps the connection.
func (s *Session) refuse(channel string, e *pusherproto.SubscriptionError) {
	s.refuseFor(subscriptionReason(e), channel, e)
}

func (s *Session) refuseFor(reason Reason, channel string, e *pusherproto.SubscriptionError) {
	told, onChannel := s.refusal(channel, e, reason)
	s.conn.Send(told)
	if onChannel != nil {
		s.conn.Send(onChannel)
	}
}

// refusal counts and logs a refused subscription and returns its frames. Any
// goroutine may call it. The first frame is for the Java and .NET clients, which
// know no other: it names no channel, so that pusher-js does not emit it on the
// channel too. The second is for pusher-js; it is nil on encrypted channels, where
// the Java client would try to decrypt it (docs/spec/subscriptions.md#refusals).
func (s *Session) refusal(channel string, e *pusherproto.SubscriptionError, reason Reason) (told, onChannel *Frame) {
	s.hub.RefusedFor(s.tenant.id, e.Status, reason)
	s.logSubscriptionRefused(channel, e)
	if e == tooOften {
		told = tooOftenTold
	} else {
		told = errorFrame(e)
	}
	if !pusherproto.KindOf(channel).Encrypted() {
		onChannel = seal(pusherproto.AppendSubscriptionError(beginFrame(192+len(channel)+len(e.Message)), channel, e))
	}
	return told, onChannel
}

// errorFrame returns pusher:error for a refused subscription. It does not name the channel.
func errorFrame(e *pusherproto.SubscriptionError) *Frame {
	return seal(pusherproto.AppendError(beginFrame(128+len(e.Message)), "", pusherproto.CodeNone, e.Message))
}

// answerJoin receives the cluster's answer on any goroutine and posts it to the
// session's owner in order with the channel's frames.
func (s *Session) answerJoin(g *group, of asked, j Joined) {
	name := g.channel.name
	if j.Refused != nil {
		m := Mail{kind: mailRefused, session: s, group: g, again: of.again}
		why := ReasonPresenceFull
		if j.Refused.Status == pusherproto.CodeOverCapacity {
			why = ReasonClusterFull
		}
		m.frame, m.second = s.refusal(name, j.Refused, why)
		s.tenant.lane.Post(m)
		return
	}
	m := Mail{kind: mailJoined, session: s, group: g, again: of.again, text: of.userID, second: j.Cached}
	room := 0
	if j.At.Epoch != 0 {
		room = pusherproto.SerialMember
	}
	switch {
	case j.Presence != nil:
		m.frame = seal(j.Presence.appendSucceeded(beginFrame(j.Presence.size()+room), name))
	default:
		m.frame = seal(pusherproto.AppendSubscriptionSucceeded(beginFrame(96+len(name)+room), name))
	}
	if j.At.Epoch != 0 {
		m.frame.AppendSerial(j.At)
	}
	if j.Cached == nil && g.channel.kind.Cache() {
		m.second = seal(pusherproto.AppendCacheMiss(beginFrame(64+len(name)), name))
	}
	s.addPast(&m, of, &j)
	if of.again {
		s.tenant.lane.Post(m) // the socket receives the channel's frames already
		return
	}
	s.tenant.table.answer(g, m)
}

// joined handles the cluster's answer on the owner's goroutine.
func (s *Session) joined(m *Mail) {
	g, c := m.group, m.group.channel
	if s.state != sessionOpen {
		if !m.again { // the socket was closed in the meantime: leave the channel
			s.tenant.table.detach(g)
			s.hub.cluster.Leave(Leave{App: s.app, Channel: c.name, Kind: c.kind, UserID: m.text})
		}
		return
	}
	if i := s.lookup(g); m.again {
		s.places[i].again = false
	} else {
		g.add(s, int32(i), m.text)
		s.tenant.subscriptions[c.kind].Add(1)
		s.authorized = s.authorized || c.kind.Signed()
	}
	s.logChannel("subscribed", c.name, m.text)
	s.conn.Send(m.frame)
	if m.second != nil {
		s.conn.Send(m.second)
	}
	if m.call != nil {
		m.call()
	}
	s.release(c.name)
}

// refused handles the cluster's refusal on the owner's goroutine. A socket that was
// on the channel before stays on it.
func (s *Session) refused(m *Mail) {
	g := m.group
	if !m.again {
		s.tenant.table.detach(g)
	}
	if s.state != sessionOpen {
		return
	}
	if i := s.lookup(g); m.again {
		s.places[i].again = false
	} else {
		s.forget(i)
	}
	s.conn.Send(m.frame)
	if m.second != nil {
		s.conn.Send(m.second)
	}
	s.release(g.channel.name)
}

func (s *Session) unsubscribe(m pusherproto.Message, payload []byte) {
	name, perr := pusherproto.DecodeUnsubscribe(m.Data)
	if perr != nil {
		s.refuseMessage(perr)
		return
	}
	i := s.find(name)
	if i < 0 {
		return
	}
	if s.places[i].waits() {
		s.hold(name, payload)
		return
	}
	userID, c := s.places[i].userID(), s.places[i].channel()
	left := s.leave(&s.places[i])
	s.forget(i)
	s.charge(s.hearing(c, left))
	s.logChannel("unsubscribed", name, userID)
}

// leave removes the socket from a channel and returns how many subscribers the
// channel has left. A place that waits for its answer is removed when the answer
// arrives.
func (s *Session) leave(p *place) (left int) {
	if p.index == unanswered {
		return 0
	}
	g, c, userID := p.group, p.channel(), p.userID()
	g.remove(p.index)
	p.index = unanswered
	s.tenant.subscriptions[c.kind].Add(-1)
	left = s.tenant.table.detach(g)
	s.hub.cluster.Leave(Leave{App: s.app, Channel: c.name, Kind: c.kind, UserID: userID})
	return left
}
