package webhooks

import (
	"time"
	"unsafe"

	"fanfare/apps"
	"fanfare/channels"
)

// maxHeld bounds the removals of one app that wait for their grace to pass.
// Above it those held for longest are told early, of public channels first.
const maxHeld = 100_000

// subject is what comes and goes: a channel, or a user on it.
type subject struct {
	channel string
	user    string // "" is the channel itself; member ids are never empty
}

// removal is an end that is told when its grace is over. Those of a class form
// a list in the order of their time.
type removal struct {
	subject
	app        *apps.App
	since      time.Time
	prev, next *removal
}

// removalBytes is what a removal takes, beside its names: itself, and its place
// in the map, of which a part is empty (TestHeld_KnowsWhatItTakes).
const removalBytes = int(unsafe.Sizeof(removal{})) + 63

func (r *removal) bytes() int { return removalBytes + len(r.channel) + len(r.user) }

// notice is what the removal tells.
func (r *removal) notice() channels.Notice {
	n := channels.Notice{Kind: channels.ChannelVacated, App: r.app, Channel: r.channel}
	if r.user != "" {
		n.Kind, n.UserID = channels.MemberRemoved, r.user
	}
	return n
}

// held is the removals of one app that wait. A subject is present, pending
// (in here) or gone (docs/spec/webhooks.md#delay). The zero value is empty.
type held struct {
	bySubject map[subject]*removal
	roots     [classes]removal // of a ring each: next is the oldest, prev the newest
}

func subjectOf(n *channels.Notice) subject { return subject{n.Channel, n.UserID} }

func (h *held) len() int { return len(h.bySubject) }

// oldest is the removal of a class held for longest, nil if there is none.
func (h *held) oldest(c class) *removal {
	if r := h.roots[c].next; r != &h.roots[c] {
		return r
	}
	return nil
}

// due is the removal held for longest, nil if there is none.
func (h *held) due() *removal {
	u, s := h.oldest(unsigned), h.oldest(signed)
	if s == nil || u != nil && u.since.Before(s.since) {
		return u
	}
	return s
}

// add holds a removal back. since must not be before that of any other.
func (h *held) add(n *channels.Notice, since time.Time) *removal {
	if h.bySubject == nil {
		h.bySubject = make(map[subject]*removal)
		for c := range h.roots {
			root := &h.roots[c]
			root.next, root.prev = root, root
		}
	}
	root := &h.roots[classOf(n.Channel)]
	r := &removal{subject: subjectOf(n), app: n.App, since: since, prev: root.prev, next: root}
	r.prev.next, root.prev = r, r
	h.bySubject[r.subject] = r
	return r
}

func (h *held) remove(r *removal) {
	r.prev.next, r.next.prev = r.next, r.prev
	delete(h.bySubject, r.subject)
	if len(h.bySubject) == 0 {
		h.bySubject = nil // a map keeps the room of its largest size
	}
}
