package apps

import "testing"

func TestHistoryOf_FirstRuleThatMatches_Wins(t *testing.T) {
	a := App{History: []HistoryRule{
		{Channels: "private-chat-1", Events: 1},
		{Channels: "private-chat-*", Events: 2},
		{Channels: "*-log*-end", Events: 3},
		{Channels: "presence-*", Events: 4},
	}}
	for channel, events := range map[string]int{
		"private-chat-1": 1, "private-chat-12": 2, "private-chat-": 2, "private-chat": 0, "chat": 0, "": 0,
		"a-log-end": 3, "a-log-b-log-end": 3, "-logs-end-end": 3, "a-log-en": 0, "-log-end": 3, "-lo-end": 0,
		"presence-": 4, "xpresence-": 0,
	} {
		got := 0
		if r := a.HistoryOf(channel); r != nil {
			got = r.Events
		}
		if got != events {
			t.Errorf("channel %q has the rule of %d events, want %d", channel, got, events)
		}
	}
}
