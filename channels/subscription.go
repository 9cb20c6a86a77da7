package channels

import (
	"fmt"
	"time"

	"fanfare/pusherproto"
)

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
	if refusal == nil && old < 0 && s.tenant.account.Full() {
		s.refuseFor(ReasonMemory, req.Channel, &pusherproto.SubscriptionError{
			Type: "LimitReached", Status: pusherproto.CodeOverCapacity,
			Message: "The server is short of memory; subscribe again in a while",
		})
		return
	}
	if refusal == nil && !s.withinPace() {
		refusal = &pusherproto.SubscriptionError{
			Type: "LimitReached", Status: 429,
			Message: fmt.Sprintf("The socket subscribes more than %d times a second; "+
				"wait a moment and subscribe again", s.app.Limits.SubscribesPerSecond),
		}
	}
	if refusal != nil {
		s.refuse(req.Channel, refusal)
		return
	}
	if kind.UserChannel() {
		// Events for the user reach every signed-in socket as it is: the
		// subscription is only acknowledged (spec: websocket section 9).
		s.send(pusherproto.AppendSubscriptionSucceeded(beginFrame(96+len(req.Channel)), req.Channel))
		s.logChannel("subscribed", req.Channel, s.user.id)
		return
	}
	var g *group
	if old >= 0 {
		g = s.places[old].group
		s.places[old].again = true
	} else {
		g = s.tenant.table.join(req.Channel, kind, s.tenant, 0)
		s.keep(g)
	}
	userID, again := member.UserID, old >= 0
	join := Join{App: s.app, Channel: g.channel.name, Kind: kind, Socket: s.id, Member: member, Again: again}
	s.hub.cluster.Join(join, func(j Joined) { s.answerJoin(g, userID, again, j) })
}

// withinPace counts a subscription and tells whether it may be made. Coming and
// going costs others more than the socket: every member of a presence channel
// hears of it, and every webhook.
func (s *Session) withinPace() bool {
	limits := &s.app.Limits
	if limits.SubscribesPerSecond == 0 {
		return true
	}
	each := int64(time.Second/time.Microsecond) / int64(limits.SubscribesPerSecond)
	now := s.hub.now().UnixMicro()
	most := now + each*int64(limits.MaxSubscriptions+limits.SubscribesPerSecond)
	s.paced = min(max(s.paced, now), most) // more only if the clock was set back
	if s.paced+each > most {
		return false
	}
	s.paced += each
	return true
}

// refuse tells the client that it may not be on a channel and keeps the
// connection.
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

// refusal counts and logs a refused subscription and makes its frames. Any
// goroutine may call it. The first frame is for the Java and the .NET client,
// which know no other: it names no channel, so that pusher-js repeats nothing
// on the channel. The second is for pusher-js. There is none on encrypted
// channels, where the Java client would decrypt it (spec: websocket section 5,
// Refusal).
func (s *Session) refusal(channel string, e *pusherproto.SubscriptionError, reason Reason) (told, onChannel *Frame) {
	s.hub.RefusedFor(s.tenant.id, e.Status, reason)
	s.logSubscriptionRefused(channel, e)
	told = seal(pusherproto.AppendError(beginFrame(128+len(e.Message)), "", pusherproto.CodeNone, e.Message))
	if !pusherproto.KindOf(channel).Encrypted() {
		onChannel = seal(pusherproto.AppendSubscriptionError(beginFrame(192+len(channel)+len(e.Message)), channel, e))
	}
	return told, onChannel
}

// answerJoin takes the cluster's answer on any goroutine and sends it to the
// session's owner in order with the channel's frames.
func (s *Session) answerJoin(g *group, userID string, again bool, j Joined) {
	name := g.channel.name
	if j.Refused != nil {
		m := Mail{kind: mailRefused, session: s, group: g, again: again}
		m.frame, m.second = s.refusal(name, j.Refused, ReasonPresenceFull)
		s.tenant.owner.Post(m)
		return
	}
	m := Mail{kind: mailJoined, session: s, group: g, again: again, text: userID, second: j.Cached}
	switch {
	case j.Presence != nil:
		m.frame = seal(j.Presence.appendSucceeded(beginFrame(j.Presence.size()), name))
	default:
		m.frame = seal(pusherproto.AppendSubscriptionSucceeded(beginFrame(96+len(name)), name))
	}
	if j.Cached == nil && g.channel.kind.Cache() {
		m.second = seal(pusherproto.AppendCacheMiss(beginFrame(64+len(name)), name))
	}
	if again {
		s.tenant.owner.Post(m) // frames for the channel reach it already
		return
	}
	s.tenant.table.answer(g, m)
}

// joined is the answer's arrival.
func (s *Session) joined(m *Mail) {
	g, c := m.group, m.group.channel
	if s.state != sessionOpen {
		if !m.again { // the socket went away meanwhile: give the place back
			s.tenant.table.detach(g)
			s.hub.cluster.Leave(Leave{App: s.app, Channel: c.name, Kind: c.kind, UserID: m.text})
		}
		return
	}
	i := s.lookup(g)
	if m.again {
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
	s.release(c.name)
}

// refused is the arrival of a cluster's refusal. Who was on the channel before
// stays on it.
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
	userID := s.places[i].userID()
	s.leave(&s.places[i])
	s.forget(i)
	s.logChannel("unsubscribed", name, userID)
}

// leave gives a place back. One that waits for its answer is given back when
// that arrives.
func (s *Session) leave(p *place) {
	if p.index == unanswered {
		return
	}
	g, c, userID := p.group, p.channel(), p.userID()
	g.remove(p.index)
	p.index = unanswered
	s.tenant.subscriptions[c.kind].Add(-1)
	s.tenant.table.detach(g)
	s.hub.cluster.Leave(Leave{App: s.app, Channel: c.name, Kind: c.kind, UserID: userID})
}
