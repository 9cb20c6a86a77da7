package channels

import (
	"time"

	"fanfare/pusherproto"
)

// A socket has one budget for all that costs others more than itself: joins and
// leaves, which every member of a presence channel and every webhook hears of;
// long answers to short questions; sign-ins with a watchlist. It is
// counted in subscriptions: subscribes_per_second flow in, and max_subscriptions
// and those of a second may be saved. What an operation causes beyond its message
// is paid at once too, and overdraws the budget once at most.
const (
	// perSubscription is how many deliveries cost as much as a subscription, and
	// as much as so many times byteWeight bytes of an answer.
	perSubscription = 16
	// firstFree is how many deliveries, or bytes, the first visit to a channel
	// causes for the price of a subscription: who connects again and has a
	// thousand channels is not held up.
	firstFree = 256
	// mostOverdrawn is for how long a socket at most has to wait that has
	// overdrawn its budget.
	mostOverdrawn = 2 * time.Second
)

// tooOften refuses a subscription that the budget does not pay for. It and its
// frame are made once: who is refused without end must cost little.
var (
	tooOften = &pusherproto.SubscriptionError{
		Type: "LimitReached", Status: 429,
		Message: "The socket exceeds the app's limit of subscriptions a second (expensive subscriptions count more than once); " +
			"wait a moment and subscribe again",
	}
	tooOftenTold = errorFrame(tooOften).Permanent()
)

// affords pays for one subscription, or one sign-in, and reports whether the
// budget had as much.
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

// charge pays for deliveries that the socket has caused, as many as there are.
func (s *Session) charge(deliveries int) {
	if deliveries <= 0 {
		return
	}
	each, most := s.budget()
	s.paced = min(s.paced+each*int64(deliveries)/perSubscription, most+mostOverdrawn.Microseconds())
}

// budget brings paced up to date. It returns the time in which the price of a
// subscription flows in, 0 if the budget has no end, and how far paced may go.
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

// chargeAnswer pays for the answer to a subscription, which is taken to be as
// long as the last one on the channel, and for those who hear that the socket
// comes. It returns how long the answer is taken to be, in deliveries.
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

// chargePast pays for what an answer with a part of a history is longer than
// chargeAnswer took it to be: nobody else may have missed as much, or been there.
func (s *Session) chargePast(g *group, weight, paid int) {
	free := 0
	if i := s.lookup(g); i >= 0 && s.places[i].first {
		free = firstFree
	}
	s.charge(max(0, weight-free) - max(0, paid-free))
}

// weightOf is how many deliveries a frame costs as much as.
func weightOf(f *Frame) int32 {
	if f == nil {
		return 0
	}
	return int32(len(f.buf) / byteWeight)
}

// hearing is how many of so many subscribers are told that one comes or goes.
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
