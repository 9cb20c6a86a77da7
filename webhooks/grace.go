package webhooks

import (
	"time"

	"fanfare/channels"
)

// maxHeld bounds the removals of one app that wait for their grace to pass.
// Above it the oldest are told early: late news gives way, never memory.
const maxHeld = 100_000

// subject is what comes and goes: a channel, or a user on it.
type subject struct {
	channel string
	user    string // "" is the channel itself; member ids are never empty
}

// removal is an end that is told when its grace is over. Those of an app form
// a list in the order of their time.
type removal struct {
	notice     channels.Notice
	since      time.Time
	prev, next *removal
}

// held is the removals of one app that wait. A subject is present, pending
// (in here) or gone (spec: webhooks, Delay). The zero value is empty.
type held struct {
	bySubject map[subject]*removal
	root      removal // of the ring: next is the oldest, prev the newest
}

func subjectOf(n *channels.Notice) subject { return subject{n.Channel, n.UserID} }

func (h *held) len() int { return len(h.bySubject) }

// oldest is the removal held for longest, nil if there is none.
func (h *held) oldest() *removal {
	if len(h.bySubject) == 0 {
		return nil
	}
	return h.root.next
}

// add holds a removal back. since must not be before that of any other.
func (h *held) add(n *channels.Notice, since time.Time) {
	if h.bySubject == nil {
		h.bySubject = make(map[subject]*removal)
		h.root.next, h.root.prev = &h.root, &h.root
	}
	s := subjectOf(n)
	if old := h.bySubject[s]; old != nil { // the core ends nothing twice; be sure
		h.unlink(old)
	}
	r := &removal{notice: *n, since: since, prev: h.root.prev, next: &h.root}
	r.prev.next, h.root.prev = r, r
	h.bySubject[s] = r
}

// back forgets the removal of a subject that is present again, and tells
// whether there was one.
func (h *held) back(n *channels.Notice) bool {
	r := h.bySubject[subjectOf(n)]
	if r == nil {
		return false
	}
	h.remove(r)
	return true
}

func (h *held) remove(r *removal) {
	h.unlink(r)
	delete(h.bySubject, subjectOf(&r.notice))
	if len(h.bySubject) == 0 {
		h.bySubject = nil // a map keeps the room of its largest size
	}
}

func (h *held) unlink(r *removal) { r.prev.next, r.next.prev = r.next, r.prev }
