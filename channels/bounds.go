package channels

import (
	"fmt"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// shortage is why the app or the node cannot accept another subscription.
type shortage struct {
	reason Reason
	status int
	text   string
}

// full returns why the app or the node cannot accept another subscription, or
// nil if both can.
func (s *Session) full() *shortage {
	limits, held := &s.app.Limits, s.tenant.account
	switch most := limits.MaxAppSubscriptions; {
	case most > 0 && held.Count(account.Subscriptions) >= most:
		return appShortage("The app is at its limit of %d subscriptions on this server", most)
	case limits.MaxHeldBytes > 0 && held.Bytes() > int64(limits.MaxHeldBytes):
		return appShortage("The app is at its limit of %d bytes of memory on this server", limits.MaxHeldBytes)
	case held.Full():
		return &shortage{ReasonMemory, pusherproto.CodeOverCapacity, "The server is short of memory"}
	default:
		return nil
	}
}

func appShortage(text string, most int) *shortage {
	return &shortage{ReasonAppLimit, pusherproto.CodeOverQuota, fmt.Sprintf(text, most)}
}

// refuseFull refuses a subscription because of a shortage.
func (s *Session) refuseFull(channel string, why *shortage) {
	s.refuseFor(why.reason, channel, &pusherproto.SubscriptionError{
		Type: "LimitReached", Status: why.status, Message: why.text + "; subscribe again in a while",
	})
}

// bound sets the limit of the app's account in bytes.
func (t *tenant) bound(bytes int) {
	if most := int64(bytes); t.account.Most() != most {
		t.account.SetMost(most)
	}
}
