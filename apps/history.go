package apps

import (
	"strings"
	"time"
)

// HistoryRule says which channels keep a history, and how many events it holds.
type HistoryRule struct {
	// Channels is a pattern of channel names: an asterisk matches any text,
	// including none.
	Channels string
	// Events is the maximum number of events per channel, TTL the maximum age of
	// each.
	Events int
	TTL    time.Duration
	// Rewind is the number of events that a new subscriber receives; 0 means none.
	Rewind int
	// ClientEvents includes client events in the history.
	ClientEvents bool
}

// HistoryOf returns the first rule that matches a channel, or nil if the channel
// keeps no history.
func (a *App) HistoryOf(channel string) *HistoryRule {
	for i := range a.History {
		if matches(a.History[i].Channels, channel) {
			return &a.History[i]
		}
	}
	return nil
}

// matches reports whether name matches pattern. The text between two asterisks
// matches at its first occurrence, which leaves the longest rest for what follows.
func matches(pattern, name string) bool {
	head, rest, several := strings.Cut(pattern, "*")
	if !several {
		return pattern == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	for {
		part, more, several := strings.Cut(rest, "*")
		if !several {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], more
	}
}
