package sim

import (
	"strconv"
	"strings"

	"fanfare/pusherproto"
)

// told is a frame as a client parses it.
type told struct {
	event, channel string
	user           string   // of member_added, member_removed; the sender of a client event
	users          []string // of subscription_succeeded; online ones of watchlist_events
	offline        []string // of watchlist_events
	presence       bool     // subscription_succeeded came with a list
	from, n        int      // an event's publisher and number; n is the subscription count too
}

// read parses a frame. It relies on the exact form in which the server writes frames,
// and is much faster than a JSON decoder.
func read(text string) (t told, ok bool) {
	rest, ok := strings.CutPrefix(text, `{"event":"`)
	if !ok {
		return t, false
	}
	t.event, rest, ok = strings.Cut(rest, `"`)
	if !ok {
		return t, false
	}
	if after, has := strings.CutPrefix(rest, `,"channel":"`); has {
		if t.channel, rest, ok = strings.Cut(after, `"`); !ok {
			return t, false
		}
	}
	data := strings.TrimPrefix(rest, `,"data":`)
	switch t.event {
	case pusherproto.EventMemberAdded, pusherproto.EventMemberRemoved:
		t.user, ok = between(data, `\"user_id\":\"`, `\"`)
	case pusherproto.EventSubscriptionSucceeded:
		var ids string
		if ids, t.presence = between(data, `\"ids\":[`, `]`); t.presence {
			t.users = list(ids)
		}
	case pusherproto.EventSubscriptionCount:
		var n string
		n, ok = between(data, `\"subscription_count\":`, `}`)
		t.n, _ = strconv.Atoi(n)
	case eventWatchlist:
		online, _ := between(data, `\"online\",\"user_ids\":[`, `]`)
		offline, _ := between(data, `\"offline\",\"user_ids\":[`, `]`)
		t.users, t.offline = list(online), list(offline)
	default:
		if from, is := strings.CutPrefix(t.event, pusherproto.PrefixClient); is {
			t.from, _ = strconv.Atoi(from)
			t.user, _ = between(data, `"user_id":"`, `"`)
			t.n = number(data)
		} else if from, is := strings.CutPrefix(t.event, "p-"); is {
			t.from, _ = strconv.Atoi(from)
			t.n = number(strings.TrimPrefix(data, `"`))
		}
	}
	return t, ok
}

const eventWatchlist = "pusher_internal:watchlist_events"

func between(text, before, behind string) (string, bool) {
	_, rest, ok := strings.Cut(text, before)
	if !ok {
		return "", false
	}
	found, _, ok := strings.Cut(rest, behind)
	return found, ok
}

// list parses \"a\",\"b\".
func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text[2:len(text)-2], `\",\"`)
}

// number parses the digits that text begins with.
func number(text string) (n int) {
	for i := 0; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		n = 10*n + int(text[i]-'0')
	}
	return n
}
