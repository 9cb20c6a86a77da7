package channels

import (
	"time"

	"fanfare/pusherproto"
)

// A socket has one budget for operations that cost others more than itself: joins
// and leaves, which every member of a presence channel and every webhook is
// notified of; long answers to short messages; sign-ins with a watchlist. Its
// unit is the subscription: subscribes_per_second are added each second, and up
// to max_subscriptions plus those of one second are saved. What an operation
// causes beyond its message is charged at once too, and may overdraw the budget
// once.
const (
	// perSubscription is the number of deliveries that cost as much as a
	// subscription. A delivery costs as much as byteWeight bytes of an answer.
	perSubscription = 16
	// firstFree is the number of deliveries that the first subscription to a
	// channel may cause without an extra charge, so that a client with a thousand
	// channels is not delayed when it connects again.
	firstFree = 256
	// mostOverdrawn is the maximum time that a socket with an overdrawn budget
	// has to wait.
	mostOverdrawn = 2 * time.Second
)

// tooOften refuses a subscription that exceeds the budget. It and its frame are
// made once, so that repeated refusals cost little.
var (
	tooOften = &pusherproto.SubscriptionError{
		Type: "LimitReached", Status: 429,
		Message: "The socket exceeds the app's limit of subscriptions a second (expensive subscriptions count more than once); " +
			"wait a moment and subscribe again",
	}
	tooOftenTold = errorFrame(tooOften).Permanent()
)

// affords charges one subscription or sign-in, and reports whether the budget
// allowed it.
func (s *Session) affords() bool {
	each, most := s.budget()
	if each == 0 {
		return true
	}
	if s.paced+each > most {
		return false
	}
	s.paced += each
	return true
}

// charge takes the cost of deliveries that the socket has caused from its budget.
func (s *Session) charge(deliveries int) {
	if deliveries <= 0 {
		return
	}
	each, most := s.budget()
	s.paced = min(s.paced+each*int64(deliveries)/perSubscription, most+mostOverdrawn.Microseconds())
}

// budget updates paced to the current time. each is the time in which the budget
// for one subscription is added, 0 if the budget is unlimited. The budget is used
// up when paced reaches most. Times are in microseconds.
func (s *Session) budget() (each, most int64) {
	limits := &s.app.Limits
	if limits.SubscribesPerSecond == 0 {
		return 0, 0
	}
	each = time.Second.Microseconds() / int64(limits.SubscribesPerSecond)
	now := s.hub.now().UnixMicro()
	most = now + each*int64(limits.MaxSubscriptions+limits.SubscribesPerSecond)
	if s.paced = max(s.paced, now); s.paced > most+mostOverdrawn.Microseconds() {
		s.paced = most // the clock was set back
	}
	return each, most
}

// chargeAnswer charges the answer to a subscription, which is assumed to be as
// long as the last one on the channel, and the notifications about the join. It
// returns the assumed length of the answer in deliveries.
func (s *Session) chargeAnswer(p *place) (answer int) {
	c := p.channel()
	answer = int(c.weight.Load())
	cost := answer
	if !p.again {
		if c.kind.Presence() || s.app.SubscriptionCount {
			cost += s.hearing(c, s.tenant.table.subscribers(c))
		}
		if p.first {
			cost -= firstFree
		}
	}
	s.charge(cost)
	return answer
}

// chargePast charges the difference between the real length of an answer with
// events of a history and the length that chargeAnswer assumed. The previous
// socket may have missed less, or there may have been none.
func (s *Session) chargePast(g *group, weight, paid int) {
	free := 0
	if i := s.lookup(g); i >= 0 && s.places[i].first {
		free = firstFree
	}
	s.charge(max(0, weight-free) - max(0, paid-free))
}

// weightOf returns the number of deliveries that cost as much as a frame.
func weightOf(f *Frame) int32 {
	if f == nil {
		return 0
	}
	return int32(len(f.buf) / byteWeight)
}

// hearing returns how many of a channel's subscribers are notified of a join or leave.
func (s *Session) hearing(c *channel, subscribers int) int {
	switch {
	case c.kind.Presence():
		return subscribers
	case s.app.SubscriptionCount && subscribers <= countAtOnce:
		return subscribers
	default:
		return 0
	}
}
