package channels

import (
	"fmt"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// shortage is why there is no room for another place.
type shortage struct {
	reason Reason
	status int
	text   string
}

// full tells why neither the app nor the node may hold more places, nil if they
// may.
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

// refuseFull tells the client that there is no room for its subscription.
func (s *Session) refuseFull(channel string, why *shortage) {
	s.refuseFor(why.reason, channel, &pusherproto.SubscriptionError{
		Type: "LimitReached", Status: why.status, Message: why.text + "; subscribe again in a while",
	})
}

// bound has the account of the app end at the app's limit.
func (t *tenant) bound(bytes int) {
	if most := int64(bytes); t.account.Most() != most {
		t.account.SetMost(most)
	}
}
