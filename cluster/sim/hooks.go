package sim

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
)

// hookGrace is how long a user must be away before back ends are notified.
const hookGrace = 3 * time.Second

// hooks checks the webhooks in the outboxes, and those that back ends receive.
type hooks struct {
	w        *World
	there    map[place]bool          // by webhooks; the user of a channel is ""
	counts   map[string]int          // subscription counts, by webhooks
	left     map[place]time.Duration // when a user left
	recorded map[string]int          // how often each webhook was put into an outbox
	told     map[string]int          // how often it reached a back end
	strict   bool                    // also fails if a server has lost data
}

func newHooks(w *World) *hooks {
	return &hooks{
		w: w, there: map[place]bool{}, counts: map[string]int{},
		left: map[place]time.Duration{}, recorded: map[string]int{}, told: map[string]int{},
	}
}

// look checks what a request put into an outbox.
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
	w.tracef(channel, "back ends are to receive %s", text)
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
		w.failf(channel, "two webhooks in a row say that %q is on %s: %t", r.User, channel, comes)
	}
	h.there[at] = comes
	if r.User == "" {
		return
	}
	// A new node that is the first to connect to a server without data knows no node to
	// wait for.
	again := comes && w.forgot && w.newcomer && !h.strict
	if w.staying[at] > 0 && !again {
		w.failf(channel, "a webhook says that %s is on %s: %t; %s stayed", r.User, channel, comes, r.User)
	}
	if !comes && w.lossless && !forgot {
		if w.reference.holds(at) {
			w.failf(channel, "a webhook says that %s left %s, but it is still there", r.User, channel)
		}
		if away := w.now - h.left[at]; away < hookGrace-2200*time.Millisecond {
			w.failf(channel, "a webhook says that %s left %s, only %v after it did", r.User, channel, away)
		}
	}
}

var noticeKinds = [...]channels.NoticeKind{
	ledger.RecordOccupied: channels.ChannelOccupied, ledger.RecordVacated: channels.ChannelVacated,
	ledger.RecordAdded: channels.MemberAdded, ledger.RecordRemoved: channels.MemberRemoved,
	ledger.RecordCount: channels.SubscriptionCount, ledger.RecordEvent: channels.ClientEvent,
}

// textOf formats a webhook in one line. For a client event it omits the user.
func textOf(n *channels.Notice) string {
	user := n.UserID
	if n.Kind == channels.ClientEvent {
		user = ""
	}
	return fmt.Sprintf("%d %s %q %s %d %v", n.Kind, n.Channel, user, n.Event, n.Count, n.SocketID)
}

// holds reports whether a user is on a channel of the reference node.
func (r *reference) holds(at place) bool {
	for g := range r.guests {
		if g.channel == at.channel && g.user == at.user {
			return true
		}
	}
	return false
}

// compare compares what back ends were notified of with the truth.
func (h *hooks) compare(t *truth) problem {
	for text, n := range h.recorded {
		if h.told[text] < n && !h.excused() {
			return problem{"", fmt.Sprintf("back ends received %q %d times, it was in an outbox %d times", text, h.told[text], n)}
		}
	}
	want := map[place]bool{}
	for name, n := range t.sockets {
		if want[place{channel: name}] = n > 0; h.w.counted(name) && !h.excused() && h.counts[name] != n {
			return problem{name, fmt.Sprintf("by webhooks %d sockets are on %s, the truth is %d", h.counts[name], name, n)}
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
				return problem{at.channel, fmt.Sprintf("no webhook says that %q is on %s", at.user, at.channel)}
			}
		}
		for at := range h.there {
			if !want[at] {
				return problem{at.channel, fmt.Sprintf("no webhook says that %q left %s", at.user, at.channel)}
			}
		}
	}
	return problem{}
}

// compareLedgers compares the webhooks that the ledgers believe to be sent with the
// truth.
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
					return problem{s.Name, fmt.Sprintf("a ledger has not sent the webhook for %q on %s yet", user, s.Name)}
				}
				believed[place{s.Name, user[1:]}] = true
			}
		}
	}
	for at := range want {
		if !believed[at] {
			return problem{at.channel, fmt.Sprintf("no ledger knows that back ends were notified of %q on %s", at.user, at.channel)}
		}
	}
	return problem{}
}

// excused reports whether a server may have lost webhooks.
func (h *hooks) excused() bool { return !h.strict && (h.w.forgot || h.w.lossy || h.w.split) }

// begin sets what back ends know to the truth, whatever they were notified of.
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

// Tell implements cluster.Hooks: back ends receive the webhook after a delay, unless
// the node is killed before.
func (o nodeHooks) Tell(n channels.Notice, done func()) {
	w := o.n.w
	w.after(w.jitter(500*time.Millisecond), func() {
		o.n.do(func() {
			w.hooks.told[textOf(&n)]++
			done()
		})
	})
}
