package webhooks

import (
	"slices"
	"strings"

	"fanfare/channels"
)

// kindSet is a set of kinds of notices, one bit each.
type kindSet uint16

func setOf(kinds ...channels.NoticeKind) kindSet {
	var s kindSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

func (s kindSet) has(k channels.NoticeKind) bool { return s&(1<<k) != 0 }

// eventNames are the names of kinds of notices on the wire
// (docs/spec/webhooks.md#events).
var eventNames = [...]string{
	channels.ChannelOccupied:   "channel_occupied",
	channels.ChannelVacated:    "channel_vacated",
	channels.MemberAdded:       "member_added",
	channels.MemberRemoved:     "member_removed",
	channels.ClientEvent:       "client_event",
	channels.CacheMiss:         "cache_miss",
	channels.SubscriptionCount: "subscription_count",
}

const everyKind = kindSet(1<<len(eventNames) - 1)

// EventNames lists the events that an Endpoint can receive.
func EventNames() []string { return slices.Clone(eventNames[:]) }

func kindNamed(name string) (channels.NoticeKind, bool) {
	i := slices.Index(eventNames[:], name)
	return channels.NoticeKind(max(i, 0)), i >= 0
}

// channel reports whether the endpoint receives any events of a channel.
func (f *filter) channel(name string) bool {
	if !strings.HasPrefix(name, f.prefix) || !strings.HasSuffix(name, f.suffix) {
		return false
	}
	for _, p := range f.exclude {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	return f.pattern == nil || f.pattern.MatchString(name)
}

// wants reports whether the endpoint receives this kind of event of this
// channel.
func (f *filter) wants(k channels.NoticeKind, channel string) bool {
	return f.kinds.has(k) && f.channel(channel)
}
