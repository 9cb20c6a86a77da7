package config

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"fanfare/apps"
)

// HistoryRule mirrors apps.HistoryRule, field by field.
type HistoryRule struct {
	Channels     string        `key:"channels" rule:"channel_names" doc:"Pattern of channel names. An asterisk matches any text, the empty text included."`
	Events       int           `key:"events" min:"1" max:"10000" rule:"events_kept" doc:"Maximum number of events that a channel keeps."`
	TTL          time.Duration `key:"ttl" min:"1s" max:"720h" rule:"time_kept" doc:"Maximum time for which a channel keeps an event."`
	Rewind       int           `key:"rewind" min:"0" max:"10000" doc:"Number of kept events, the newest, that are sent to a new subscriber. 0 sends none."`
	ClientEvents bool          `key:"client_events" doc:"Keep client events too."`
}

// mostRules is the maximum number of rules. Each event of the app is matched
// against them.
const mostRules = 64

// mostPattern is the maximum length of a pattern, in characters.
const mostPattern = 400

// checkChannelNames validates a pattern of channel names.
func checkChannelNames(s string) error {
	switch n := utf8.RuneCountInString(s); {
	case n > mostPattern:
		return fmt.Errorf("has %d characters; the maximum is %d", n, mostPattern)
	case strings.Contains(s, "**"):
		return fmt.Errorf("%q has two asterisks in a row, which mean the same as one; remove one", s)
	case strings.HasPrefix(s, "#"):
		return fmt.Errorf("%q matches the channel of a user, which keeps no history; name channels that clients subscribe to", s)
	}
	for _, c := range s {
		if c != '*' && checkChannelPart(string(c)) != nil {
			return fmt.Errorf("%q contains %q, which channel names cannot contain; use letters, digits and _ - = @ , . ; and * for any text", s, c)
		}
	}
	return nil
}

// checkHistory refuses rules that contradict themselves or can never apply.
func checkHistory(a *App, path string, r *report) {
	if n := len(a.History); n > mostRules {
		r.add(path+".history", fmt.Sprintf("lists %d rules; the maximum is %d", n, mostRules))
		return
	}
	for i := range a.History {
		rule, at := &a.History[i], fmt.Sprintf("%s.history.%d", path, i)
		if rule.Rewind > rule.Events && rule.Events > 0 {
			r.add(at+".rewind", fmt.Sprintf("%d is more than the channel keeps: events is %d", rule.Rewind, rule.Events))
		}
		if checkChannelNames(rule.Channels) != nil || rule.Channels == "" {
			continue
		}
		if n := len(strings.ReplaceAll(rule.Channels, "*", "")); n > a.Limits.MaxChannelName {
			r.add(at+".channels", fmt.Sprintf("%q matches no channel: its shortest name has %d characters, and limits.max_channel_name is %d", rule.Channels, n, a.Limits.MaxChannelName))
			continue
		}
		for j, earlier := range a.History[:i] {
			if covers(earlier.Channels, rule.Channels) {
				r.add(at+".channels", fmt.Sprintf("%q is never used: %q of rule %d matches all its names, and the first rule that matches applies; put the narrower rule first, or remove it",
					rule.Channels, earlier.Channels, j))
				break
			}
		}
	}
}

// doubtHistory warns of rules that are likely mistakes.
func doubtHistory(a *App, path string, r *report) {
	for i := range a.History {
		rule, at := &a.History[i], fmt.Sprintf("%s.history.%d", path, i)
		switch {
		case !rule.ClientEvents:
		case !a.ClientEvents:
			r.warn(at+".client_events", "has no effect while the app's client_events is false")
		case !clientsSend(rule.Channels):
			r.warn(at+".client_events", fmt.Sprintf("has no effect: clients send events on private and presence channels, and %q matches none", rule.Channels))
		}
		if checkChannelNames(rule.Channels) != nil {
			continue
		}
		for j, earlier := range a.History[:i] {
			if checkChannelNames(earlier.Channels) == nil && overlap(earlier.Channels, rule.Channels) &&
				!covers(earlier.Channels, rule.Channels) && !covers(rule.Channels, earlier.Channels) {
				r.warn(at+".channels", fmt.Sprintf("%q and %q of rule %d overlap; for names that match both, rule %d applies", rule.Channels, earlier.Channels, j, j))
			}
		}
	}
	if l := a.Limits; len(a.History) > 0 && l.MaxHistoryBytes > 0 && l.MaxHistoryBytes < l.MaxEventBytes {
		r.warn(path+".limits.max_history_bytes", fmt.Sprintf("%d is too small for one event of max_event_bytes (%d)", l.MaxHistoryBytes, l.MaxEventBytes))
	}
}

// covers reports whether the pattern wide matches every name that the pattern
// narrow matches. It matches narrow as if it were a name: names contain no
// asterisk, so only an asterisk of wide matches one of narrow.
func covers(wide, narrow string) bool {
	app := apps.App{History: []apps.HistoryRule{{Channels: wide}}}
	return app.HistoryOf(narrow) != nil
}

// overlap reports whether some name matches both patterns.
func overlap(a, b string) bool {
	// row[j] is whether some text matches both a[i:] and b[j:]; below[j] is the
	// same for a[i+1:].
	below, row := make([]bool, len(b)+1), make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		for j := len(b); j >= 0; j-- {
			anyA, anyB := i < len(a) && a[i] == '*', j < len(b) && b[j] == '*'
			switch {
			case anyA:
				row[j] = below[j] || j < len(b) && row[j+1]
			case anyB:
				row[j] = row[j+1] || i < len(a) && below[j]
			case i == len(a) || j == len(b):
				row[j] = i == len(a) && j == len(b)
			default:
				row[j] = a[i] == b[j] && below[j+1]
			}
		}
		below, row = row, below
	}
	return below[0]
}

// clientsSend reports whether clients can send events on a channel of the pattern.
func clientsSend(pattern string) bool {
	head, _, several := strings.Cut(pattern, "*")
	if strings.HasPrefix(head, "private-encrypted-") {
		return false
	}
	for _, start := range []string{"private-", "presence-"} {
		if strings.HasPrefix(head, start) || several && strings.HasPrefix(start, head) {
			return true
		}
	}
	return false
}
