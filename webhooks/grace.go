package webhooks

import (
	"time"
	"unsafe"

	"fanfare/apps"
	"fanfare/channels"
)

// maxHeld limits the removals of one app that wait for their grace. Above it
// the oldest are sent early, those of public channels first.
const maxHeld = 100_000

// subject is a channel, or a user on it.
type subject struct {
	channel string
	user    string // "" is the channel itself; member ids are never empty
}

// removal is a vacated channel or removed member whose event is sent after the
// grace. Removals of a class form a list sorted by time.
type removal struct {
	subject
	app        *apps.App
	since      time.Time
	prev, next *removal
}

// removalBytes is the memory that a removal takes without its names: the struct
// and its place in the map, which is partly empty (TestHeld_KnowsWhatItTakes).
const removalBytes = int(unsafe.Sizeof(removal{})) + 63

func (r *removal) bytes() int { return removalBytes + len(r.channel) + len(r.user) }

// notice returns the notice that the removal stands for.
func (r *removal) notice() channels.Notice {
	n := channels.Notice{Kind: channels.ChannelVacated, App: r.app, Channel: r.channel}
	if r.user != "" {
		n.Kind, n.UserID = channels.MemberRemoved, r.user
	}
	return n
}

// held is the removals of one app that wait. A subject is present, pending (its
// removal is held here) or gone (docs/spec/webhooks.md#delay). The zero value
// is empty.
type held struct {
	bySubject map[subject]*removal
	roots     [classes]removal // of a ring each: next is the oldest, prev the newest
}

func subjectOf(n *channels.Notice) subject { return subject{n.Channel, n.UserID} }

func (h *held) len() int { return len(h.bySubject) }

// oldest returns the removal of a class that is held for longest, or nil.
func (h *held) oldest(c class) *removal {
	if r := h.roots[c].next; r != &h.roots[c] {
		return r
	}
	return nil
}

// due returns the removal that is held for longest, or nil.
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
		h.bySubject = nil // a map never shrinks
	}
}
