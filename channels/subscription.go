package channels

import (
	"fmt"
	"time"

	"fanfare/pusherproto"
)

// subscription is one socket's place on one channel.
type subscription struct {
	session *Session
	group   *group // nil until joined
	name    string
	userID  string // presence member id
	index   int32  // in group.subscribers
	kind    pusherproto.Kind
	again   bool // asked for once more and not answered yet
}

// waits tells whether an answer is due: until it comes, further messages for
// the channel are held, so that they are handled in order and answers, which
// may be long, are made one at a time.
func (sub *subscription) waits() bool { return sub.group == nil || sub.again }

// find returns the socket's subscription to a channel, pending or not. Sockets
// have few channels, and comparing lengths rejects most of many.
func (s *Session) find(channel string) *subscription {
	for _, sub := range s.subs {
		if sub.name == channel {
			return sub
		}
	}
	return nil
}

func (s *Session) subscribe(m pusherproto.Message, payload []byte) {
	req, perr := pusherproto.DecodeSubscribe(m.Data)
	if perr != nil {
		s.refuseMessage(perr)
		return
	}
	old := s.find(req.Channel)
	if old != nil && old.waits() {
		s.hold(old.name, payload)
		return
	}
	kind, member, refusal := s.admit(req)
	if refusal == nil && old != nil && old.userID != member.UserID {
		refusal = &pusherproto.SubscriptionError{
			Type: "AuthError", Status: 401,
			Message: "Existing subscription to channel " + shown(req.Channel) + " as another user_id; " +
				"unsubscribe first, or send the same user_id",
		}
	}
	if refusal == nil && old == nil && !kind.UserChannel() && len(s.subs) >= s.app.Limits.MaxSubscriptions {
		refusal = &pusherproto.SubscriptionError{
			Type: "LimitReached", Status: pusherproto.CodeOverQuota,
			Message: fmt.Sprintf("The socket is at its limit of %d subscriptions; "+
				"unsubscribe from a channel first", s.app.Limits.MaxSubscriptions),
		}
	}
	if refusal == nil && old == nil && s.hub.account.Full() {
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
	sub := old
	if sub != nil {
		sub.again = true
	} else {
		sub = &subscription{session: s, name: req.Channel, kind: kind, userID: member.UserID}
		s.subs = append(s.subs, sub)
	}
	join := Join{App: s.app, Channel: sub.name, Kind: kind, Socket: s.id, Member: member, Again: old != nil}
	s.hub.cluster.Join(join, func(j Joined) { s.hub.answerJoin(sub, join.Again, j) })
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
func (h *Hub) answerJoin(sub *subscription, again bool, j Joined) {
	s := sub.session
	if j.Refused != nil {
		m := Mail{kind: mailRefused, sub: sub}
		m.frame, m.second = s.refusal(sub.name, j.Refused, ReasonPresenceFull)
		s.owner.Post(m)
		return
	}
	m := Mail{kind: mailJoined, sub: sub, second: j.Cached}
	switch {
	case j.Presence != nil:
		m.frame = seal(j.Presence.appendSucceeded(beginFrame(j.Presence.size()), sub.name))
	default:
		m.frame = seal(pusherproto.AppendSubscriptionSucceeded(beginFrame(96+len(sub.name)), sub.name))
	}
	if j.Cached == nil && sub.kind.Cache() {
		m.second = seal(pusherproto.AppendCacheMiss(beginFrame(64+len(sub.name)), sub.name))
	}
	if again {
		s.owner.Post(m) // subscribed already: m.group stays nil
		return
	}
	s.tenant.table.attach(sub, m)
}

// joined is the answer's arrival. g is nil if the socket was on the channel
// already.
func (s *Session) joined(sub *subscription, g *group, succeeded, second *Frame) {
	if s.state != sessionOpen {
		if g != nil { // the socket went away meanwhile: give the place back
			s.tenant.table.detach(g)
			s.hub.cluster.Leave(Leave{App: s.app, Channel: sub.name, Kind: sub.kind, UserID: sub.userID})
		}
		return
	}
	if g != nil {
		sub.name = g.channel.name // share the table's copy
		g.add(sub)
		s.tenant.subscriptions[sub.kind].Add(1)
		s.authorized = s.authorized || sub.kind.Signed()
	}
	sub.again = false
	s.logChannel("subscribed", sub.name, sub.userID)
	s.conn.Send(succeeded)
	if second != nil {
		s.conn.Send(second)
	}
	s.release(sub.name)
}

// refused is the arrival of a cluster's refusal.
func (s *Session) refused(sub *subscription, told, onChannel *Frame) {
	if s.state != sessionOpen {
		return
	}
	if sub.group == nil {
		s.forget(sub)
	}
	sub.again = false
	s.conn.Send(told)
	if onChannel != nil {
		s.conn.Send(onChannel)
	}
	s.release(sub.name)
}

func (s *Session) unsubscribe(m pusherproto.Message, payload []byte) {
	name, perr := pusherproto.DecodeUnsubscribe(m.Data)
	if perr != nil {
		s.refuseMessage(perr)
		return
	}
	sub := s.find(name)
	if sub == nil {
		return
	}
	if sub.waits() {
		s.hold(sub.name, payload)
		return
	}
	s.forget(sub)
	s.leave(sub)
	s.logChannel("unsubscribed", sub.name, sub.userID)
}

// leave gives a subscription's place back, if it has one already.
func (s *Session) leave(sub *subscription) {
	if sub.group == nil {
		return // still pending: joined sees that the session is gone
	}
	sub.group.remove(sub)
	s.tenant.subscriptions[sub.kind].Add(-1)
	s.tenant.table.detach(sub.group)
	s.hub.cluster.Leave(Leave{App: s.app, Channel: sub.name, Kind: sub.kind, UserID: sub.userID})
}

// forget takes sub off the socket's list.
func (s *Session) forget(sub *subscription) {
	for i := range s.subs {
		if s.subs[i] == sub {
			last := len(s.subs) - 1
			s.subs[i] = s.subs[last]
			s.subs[last] = nil
			s.subs = s.subs[:last]
			if cap(s.subs) > roomy && last < cap(s.subs)/4 {
				s.subs = append(make([]*subscription, 0, 2*last), s.subs...)
			}
			return
		}
	}
}
