package apps

import (
	"strings"
	"time"
)

// HistoryRule says which channels keep their events, and how many of them.
type HistoryRule struct {
	// Channels is a pattern of channel names: an asterisk matches any text,
	// including none.
	Channels string
	// Events is how many a channel keeps, and TTL how long it keeps each.
	Events int
	TTL    time.Duration
	// Rewind is the number of them that a new subscriber receives; 0 means none.
	Rewind int
	// ClientEvents keeps the events that clients send, too.
	ClientEvents bool
}

// HistoryOf is the first rule that matches a channel, nil if its events are not
// kept.
func (a *App) HistoryOf(channel string) *HistoryRule {
	for i := range a.History {
		if matches(a.History[i].Channels, channel) {
			return &a.History[i]
		}
	}
	return nil
}

// matches reports whether a name has the form of a pattern. Of what stands between
// two asterisks the first place in the name is taken: it leaves most to the rest.
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
