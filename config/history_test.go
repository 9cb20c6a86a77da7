package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
)

const historyApp = "apps:\n  - id: chat\n    key: chat-key\n    secret: chat-secret\n"

func TestHistory_FileAndEnvironment_BecomeRules(t *testing.T) {
	text := historyApp + `    idempotency_ttl: 5m
    history:
      - {channels: "private-chat-*", events: 100, ttl: 1h, rewind: 20, client_events: true}
      - {channels: "presence-room-*", events: 50, ttl: 10m}
`
	c, err := Load(write(t, text), nil, []string{
		"FANFARE_APPS_0_HISTORY_1_REWIND=7", "FANFARE_APPS_0_HISTORY_2_CHANNELS=news",
		"FANFARE_APPS_0_HISTORY_2_EVENTS=10", "FANFARE_APPS_0_HISTORY_2_TTL=30s",
	})
	if err != nil {
		t.Fatal(err)
	}
	app := c.AppList()[0]
	want := []apps.HistoryRule{
		{Channels: "private-chat-*", Events: 100, TTL: time.Hour, Rewind: 20, ClientEvents: true},
		{Channels: "presence-room-*", Events: 50, TTL: 10 * time.Minute, Rewind: 7},
		{Channels: "news", Events: 10, TTL: 30 * time.Second},
	}
	if diff := cmp.Diff(want, app.History); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if app.IdempotencyTTL != 5*time.Minute {
		t.Errorf("idempotency_ttl %s, want 5m", app.IdempotencyTTL)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings %v, want none", c.Warnings)
	}
}

func TestHistory_NothingConfigured_IsOffAndKeysCountForTwoMinutes(t *testing.T) {
	app := load(t, historyApp).AppList()[0]
	if app.History != nil || app.IdempotencyTTL != 2*time.Minute {
		t.Errorf("history %v, idempotency_ttl %s; want none and 2m", app.History, app.IdempotencyTTL)
	}
	if ttl := load(t, historyApp+"    idempotency_ttl: 0\n").AppList()[0].IdempotencyTTL; ttl != 0 {
		t.Errorf("idempotency_ttl: 0 is %s", ttl)
	}
}

func TestHistory_RulesThatCannotBeMeant_AreRefused(t *testing.T) {
	many := slices.Repeat([]string{`{channels: "a-*", events: 1, ttl: 1s}`}, 65)
	for name, c := range map[string]struct{ rules, want string }{
		"no channels":      {`{events: 1, ttl: 1s}`, `apps[0].history[0].channels: is missing; write the names of the channels, with * for any text, such as "private-chat-*"`},
		"no bound":         {`{channels: "a", ttl: 1s}`, `apps[0].history[0].events: is missing; write the maximum number of events that a channel keeps, such as 100`},
		"no age":           {`{channels: "a", events: 1}`, `apps[0].history[0].ttl: is missing; write how long a channel keeps an event, such as 1h`},
		"too many events":  {`{channels: "a", events: 10001, ttl: 1s}`, `apps[0].history[0].events: 10001 is too large; the maximum is 10000`},
		"too long":         {`{channels: "a", events: 1, ttl: 721h}`, `apps[0].history[0].ttl: 721h is too long; the maximum is 720h`},
		"rewind":           {`{channels: "a", events: 10, ttl: 1s, rewind: 11}`, `apps[0].history[0].rewind: 11 is more than the channel keeps: events is 10`},
		"space":            {`{channels: "a b*", events: 1, ttl: 1s}`, `apps[0].history[0].channels: "a b*" contains ' ', which channel names cannot contain; use letters, digits and _ - = @ , . ; and * for any text`},
		"user channel":     {`{channels: "#server-to-user-*", events: 1, ttl: 1s}`, `apps[0].history[0].channels: "#server-to-user-*" matches the channel of a user, which keeps no history; name channels that clients subscribe to`},
		"two asterisks":    {`{channels: "a**", events: 1, ttl: 1s}`, `apps[0].history[0].channels: "a**" has two asterisks in a row, which mean the same as one; remove one`},
		"long pattern":     {`{channels: "` + strings.Repeat("a", 401) + `", events: 1, ttl: 1s}`, `apps[0].history[0].channels: has 401 characters; the maximum is 400`},
		"longer than name": {`{channels: "` + strings.Repeat("a", 201) + `*", events: 1, ttl: 1s}`, `matches no channel: its shortest name has 201 characters, and limits.max_channel_name is 200`},
		"hidden": {
			`{channels: "private-*", events: 1, ttl: 1s}, {channels: "private-chat-*", events: 2, ttl: 1s}`,
			`apps[0].history[1].channels: "private-chat-*" is never used: "private-*" of rule 0 matches all its names, and the first rule that matches applies; put the narrower rule first, or remove it`,
		},
		"twice":    {`{channels: "news", events: 1, ttl: 1s}, {channels: "news", events: 2, ttl: 1s}`, `"news" is never used`},
		"too many": {strings.Join(many, ", "), `apps[0].history: lists 65 rules; the maximum is 64`},
		"too much": {`{channels: "a", events: 1, ttl: 1s, size: 3}`, `apps[0].history[0].size: unknown key`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, historyApp+"    history: ["+c.rules+"]\n"), nil, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			var e *Error
			if errors.As(err, &e) && len(e.Problems) != 1 {
				t.Errorf("%d problems, want one: %v", len(e.Problems), err)
			}
		})
	}
}

func TestHistory_RulesThatAreHardlyMeant_GetAWarning(t *testing.T) {
	for name, c := range map[string]struct{ app, rules, want string }{
		"client events are off": {"    client_events: false\n", `{channels: "private-*", events: 1, ttl: 1s, client_events: true}`, "history[0].client_events: has no effect while the app's client_events is false"},
		"no client event":       {"", `{channels: "news*", events: 1, ttl: 1s, client_events: true}`, "history[0].client_events: has no effect: clients send events on private and presence channels"},
		"encrypted":             {"", `{channels: "private-encrypted-*", events: 1, ttl: 1s, client_events: true}`, "history[0].client_events: has no effect"},
		"overlap": {
			"", `{channels: "private-*", events: 1, ttl: 1s}, {channels: "*-chat", events: 1, ttl: 1s}`,
			`history[1].channels: "*-chat" and "private-*" of rule 0 overlap; for names that match both, rule 0 applies`,
		},
		"bytes": {"    limits: {max_history_bytes: 100}\n", `{channels: "a", events: 1, ttl: 1s}`, "limits.max_history_bytes: 100 is too small for one event of max_event_bytes (10240)"},
	} {
		t.Run(name, func(t *testing.T) {
			got := load(t, historyApp+c.app+"    history: ["+c.rules+"]\n")
			if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "apps[0]."+c.want) {
				t.Errorf("warnings %v\nwant one: %s", got.Warnings, c.want)
			}
		})
	}
}

func TestHistory_NarrowRuleBeforeTheWideOne_IsFine(t *testing.T) {
	c := load(t, historyApp+`    history:
      - {channels: "private-chat-vip", events: 100, ttl: 1h, client_events: true}
      - {channels: "private-chat-*", events: 10, ttl: 1h}
      - {channels: "presence-*-room", events: 10, ttl: 1h}
      - {channels: "*", events: 1, ttl: 1h, client_events: true}
`)
	if len(c.Warnings) > 0 {
		t.Errorf("warnings %v, want none", c.Warnings)
	}
}

// The two questions about patterns are held against every short name.
func TestHistoryPatterns_AreComparedAsTheirNamesAre(t *testing.T) {
	words := func(letters string, longest int) []string {
		all, last := []string{""}, []string{""}
		for range longest {
			var next []string
			for _, w := range last {
				for _, c := range letters {
					next = append(next, w+string(c))
				}
			}
			all, last = append(all, next...), next
		}
		return all
	}
	names, patterns := words("abx", 6), words("ab*", 4)
	fits := map[string][]bool{}
	for _, p := range patterns {
		app := apps.App{History: []apps.HistoryRule{{Channels: p}}}
		for _, n := range names {
			fits[p] = append(fits[p], app.HistoryOf(n) != nil)
		}
	}
	for _, p := range patterns {
		for _, q := range patterns {
			wantCovers, wantOverlap := true, false
			for i, is := range fits[q] {
				wantCovers = wantCovers && (!is || fits[p][i])
				wantOverlap = wantOverlap || is && fits[p][i]
			}
			if covers(p, q) != wantCovers || overlap(p, q) != wantOverlap {
				t.Fatalf("%q, %q: covers %t, overlap %t; want %t, %t", p, q, covers(p, q), overlap(p, q), wantCovers, wantOverlap)
			}
		}
	}
}
