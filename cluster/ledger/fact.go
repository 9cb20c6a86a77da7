package ledger

import (
	"cmp"
	"math"
	"slices"
)

// fact records that a node holds sockets of a subject, or a user on it.
type fact struct {
	node       *node
	on         *record
	user       *member // nil: the fact is about sockets
	epoch      uint32  // of the last report
	sockets    int32
	prev, next *fact // neighbors in the list of the node
}

// facts is a list, in the order in which they were last reported, so by epoch.
type facts struct{ first, last *fact }

func (l *facts) push(f *fact) {
	f.prev, f.next = l.last, nil
	if l.last == nil {
		l.first = f
	} else {
		l.last.next = f
	}
	l.last = f
}

func (l *facts) remove(f *fact) {
	if f.prev == nil {
		l.first = f.next
	} else {
		f.prev.next = f.next
	}
	if f.next == nil {
		l.last = f.prev
	} else {
		f.next.prev = f.prev
	}
}

// say gives f the node's present epoch and moves it to the end of the list.
func (f *fact) say() {
	if f.epoch != f.node.epoch {
		f.node.facts.remove(f)
		f.epoch = f.node.epoch
		f.node.facts.push(f)
	}
}

// held is the facts about one thing, at most one of each node, by node id.
type held []*fact

func (h held) find(id Node) (at int, found bool) {
	return slices.BinarySearchFunc(h, id, func(f *fact, id Node) int { return cmp.Compare(f.node.id, id) })
}

// hold returns the node's fact in h, which it creates if necessary, as reported
// now.
func (h *held) hold(n *node, on *record, user *member) *fact {
	at, found := h.find(n.id)
	if found {
		f := (*h)[at]
		f.say()
		return f
	}
	f := &fact{node: n, on: on, user: user, epoch: n.epoch}
	n.facts.push(f)
	*h = slices.Insert(*h, at, f)
	return f
}

// release removes the node's fact from h, if there is one.
func (h *held) release(id Node) {
	if at, found := h.find(id); found {
		f := (*h)[at]
		f.node.facts.remove(f)
		*h = slices.Delete(*h, at, at+1)
	}
}

// count reports whether any fact of h counts.
func (h held) count() bool { return slices.ContainsFunc(h, (*fact).counts) }

// total returns the sockets of the facts that count.
func (h held) total() int {
	sum := 0
	for _, f := range h {
		if f.counts() {
			sum += int(f.sockets)
		}
	}
	return sum
}

// short returns how many of the sockets that a node requests of an app's subject
// are above the limit. The node keeps those that it already has.
func (rec *record) short(n *node, op *Op) int {
	if rec.subject.Kind != App || op.Exempt || op.Most <= 0 {
		return 0
	}
	had := 0
	if at, found := rec.sockets.find(n.id); found && rec.sockets[at].counts() {
		had = int(rec.sockets[at].sockets)
	}
	others := rec.sockets.total() - had
	return max(op.Sockets-max(op.Most-others, had), 0)
}

// setSockets sets how many of the subject's sockets a node holds.
func (rec *record) setSockets(n *node, sockets int) {
	if sockets <= 0 {
		rec.sockets.release(n.id)
		return
	}
	rec.sockets.hold(n, rec, nil).sockets = int32(min(sockets, math.MaxInt32))
}
