package sim

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
)

// hookGrace is how long somebody must be gone before back ends are told.
const hookGrace = 3 * time.Second

// hooks holds what the outboxes say to what back ends may be told.
type hooks struct {
	w        *World
	there    map[place]bool          // as told; the user of a channel is ""
	counts   map[string]int          // as told
	left     map[place]time.Duration // when somebody went
	recorded map[string]int          // how often each thing was put into an outbox
	told     map[string]int          // and how often it reached a back end
	strict   bool                    // what a server forgets is no excuse
}

func newHooks(w *World) *hooks {
	return &hooks{
		w: w, there: map[place]bool{}, counts: map[string]int{},
		left: map[place]time.Duration{}, recorded: map[string]int{}, told: map[string]int{},
	}
}

// look goes over what a request put into an outbox.
func (h *hooks) look(in *instance, l *ledger.Ledger, before uint64) {
	records, _ := l.Outbox(before)
	for i := range records {
		if !in.demoted {
			h.record(&records[i])
		}
	}
}

func (h *hooks) record(r *ledger.Record) {
	w, channel := h.w, r.Subject.Name
	n := channels.Notice{Kind: noticeKinds[r.Kind], Channel: channel, UserID: r.User, Count: r.Count, SocketID: r.Socket}
	if r.Kind == ledger.RecordEvent {
		t, _ := read(string(r.Payload))
		n.Event = t.event
	}
	text := textOf(&n)
	h.recorded[text]++
	w.tracef(channel, "back ends are to be told %s", text)
	at := place{channel, r.User}
	switch r.Kind {
	case ledger.RecordCount:
		h.counts[channel] = r.Count
		return
	case ledger.RecordEvent:
		return
	}
	comes := r.Kind == ledger.RecordAdded || r.Kind == ledger.RecordOccupied
	forgot := w.forgot || w.lossy || w.split
	if h.there[at] == comes && !forgot {
		w.failf(channel, "back ends are told twice in a row that %q of %s is there: %t", r.User, channel, comes)
	}
	h.there[at] = comes
	if r.User == "" {
		return
	}
	// A new node that is the first to come to a server that forgot everything knows
	// of nobody to wait for.
	again := comes && w.forgot && w.newcomer && !h.strict
	if w.staying[at] > 0 && !again {
		w.failf(channel, "back ends are told that %s is on %s: %t; %s stayed", r.User, channel, comes, r.User)
	}
	if !comes && w.lossless && !forgot {
		if w.reference.holds(at) {
			w.failf(channel, "back ends are told that %s is gone from %s, and that is not so", r.User, channel)
		}
		if away := w.now - h.left[at]; away < hookGrace-2200*time.Millisecond {
			w.failf(channel, "back ends are told that %s is gone from %s after %v", r.User, channel, away)
		}
	}
}

var noticeKinds = [...]channels.NoticeKind{
	ledger.RecordOccupied: channels.ChannelOccupied, ledger.RecordVacated: channels.ChannelVacated,
	ledger.RecordAdded: channels.MemberAdded, ledger.RecordRemoved: channels.MemberRemoved,
	ledger.RecordCount: channels.SubscriptionCount, ledger.RecordEvent: channels.ClientEvent,
}

// textOf is what a back end is told, in a line. Of a client event it is who has
// sent one.
func textOf(n *channels.Notice) string {
	user := n.UserID
	if n.Kind == channels.ClientEvent {
		user = ""
	}
	return fmt.Sprintf("%d %s %q %s %d %v", n.Kind, n.Channel, user, n.Event, n.Count, n.SocketID)
}

// holds reports whether somebody is on a channel of the one big node.
func (r *reference) holds(at place) bool {
	for g := range r.guests {
		if g.channel == at.channel && g.user == at.user {
			return true
		}
	}
	return false
}

// compare holds what back ends were told in the end to the truth.
func (h *hooks) compare(t *truth) problem {
	for text, n := range h.recorded {
		if h.told[text] < n && !h.excused() {
			return problem{"", fmt.Sprintf("back ends were told %q %d times, it was in an outbox %d times", text, h.told[text], n)}
		}
	}
	want := map[place]bool{}
	for name, n := range t.sockets {
		if want[place{channel: name}] = n > 0; h.w.counted(name) && !h.excused() && h.counts[name] != n {
			return problem{name, fmt.Sprintf("back ends were told that %d sockets are on %s, it is %d", h.counts[name], name, n)}
		}
		for user := range t.members[name] {
			want[place{name, user}] = true
		}
	}
	if wrong := h.compareLedgers(want); wrong.text != "" || h.excused() {
		return wrong
	}
	maps.DeleteFunc(h.there, func(_ place, there bool) bool { return !there })
	if !maps.Equal(h.there, want) {
		for at := range want {
			if !h.there[at] {
				return problem{at.channel, fmt.Sprintf("back ends were not told that %q is on %s", at.user, at.channel)}
			}
		}
		for at := range h.there {
			if !want[at] {
				return problem{at.channel, fmt.Sprintf("back ends were not told that %q left %s", at.user, at.channel)}
			}
		}
	}
	return problem{}
}

// compareLedgers holds what the ledgers believe to have told to the truth.
func (h *hooks) compareLedgers(want map[place]bool) problem {
	believed := map[place]bool{}
	for _, srv := range h.w.servers {
		for _, l := range srv.live.ledgers {
			if l == nil {
				continue
			}
			for _, line := range l.Dump() {
				var key string
				var status int
				if n, _ := fmt.Sscanf(line, "told %q status=%d", &key, &status); n < 2 {
					continue
				}
				subject, user, _ := strings.Cut(key, "\x00")
				s, _ := ledger.ParseSubject(subject)
				if status != 0 || !want[place{s.Name, user[1:]}] {
					return problem{s.Name, fmt.Sprintf("a ledger has yet to tell of %q on %s", user, s.Name)}
				}
				believed[place{s.Name, user[1:]}] = true
			}
		}
	}
	for at := range want {
		if !believed[at] {
			return problem{at.channel, fmt.Sprintf("no ledger knows that %q is told to be on %s", at.user, at.channel)}
		}
	}
	return problem{}
}

// excused reports whether a server lost what it was to tell.
func (h *hooks) excused() bool { return !h.strict && (h.w.forgot || h.w.lossy || h.w.split) }

// begin has back ends know how things are, whatever they were told.
func (h *hooks) begin(t *truth) {
	clear(h.there)
	clear(h.counts)
	clear(h.recorded)
	clear(h.told)
	for name, n := range t.sockets {
		h.there[place{channel: name}] = true
		if h.w.counted(name) {
			h.counts[name] = n
		}
		for user := range t.members[name] {
			h.there[place{name, user}] = true
		}
	}
}

// nodeHooks are the webhooks of a node.
type nodeHooks struct{ n *node }

// Wants implements cluster.Hooks.
func (nodeHooks) Wants(string, string) ledger.Hooks {
	return ledger.HookChannel | ledger.HookMembers | ledger.HookCount | ledger.HookEvents
}

// Grace implements cluster.Hooks.
func (nodeHooks) Grace() time.Duration { return hookGrace }

// Tell implements cluster.Hooks: back ends have it after a while, unless the
// node has died by then.
func (o nodeHooks) Tell(n channels.Notice, done func()) {
	w := o.n.w
	w.after(w.jitter(500*time.Millisecond), func() {
		o.n.do(func() {
			w.hooks.told[textOf(&n)]++
			done()
		})
	})
}
