package webhooks

import (
	"unsafe"

	"fanfare/channels"
)

// line is the waiting events of one channel. When events have to be dropped, it
// first drops those that leave the back end's view of the channel correct, see
// loss.
type line struct {
	name   string
	since  uint64 // seq of its first event
	weight int32  // sum over its events
	n      int32
	index  int32 // position in the heap
	class  class

	channel visits             // channel_occupied and channel_vacated events
	visits  [standings]*visits // those of the channel and its members, by standing: rings, in the order in which they got that standing
	counts  fifo               // subscription counts, each of which replaces the previous one
	others  fifo               // client events and cache misses, which say nothing about occupancy or members
}

// fifo is a list of events in their order.
type fifo struct{ first, last *event }

func (f *fifo) push(e *event) {
	if f.last == nil {
		f.first = e
	} else {
		f.last.after = e
	}
	f.last = e
}

func (f *fifo) pop() {
	if f.first = f.first.after; f.first == nil {
		f.last = nil
	}
}

// visits are the alternating arrivals and departures of a channel or a member.
type visits struct {
	fifo
	prev, next *visits // ring of the line's visits with the same standing
}

// visitsBytes is the memory of a member's visits: the struct and its place in
// the queue's map, which is partly empty.
const visitsBytes = int(unsafe.Sizeof(visits{})) + 63

// standing is what the back end would get wrong if the first of the visits were
// dropped.
type standing int

const (
	paired   standing = iota // nothing, if the following event, which reverts it, is dropped too
	arrived                  // it would not know a member that is present
	departed                 // it would keep a member that has left

	standings = iota
)

func (v *visits) standing() standing {
	switch {
	case v.first != v.last:
		return paired
	case arrivals.has(v.first.kind):
		return arrived
	}
	return departed
}

// list adds visits to the ring of their standing, as the last.
func (l *line) list(v *visits) {
	ring := &l.visits[v.standing()]
	if *ring == nil {
		*ring, v.prev, v.next = v, v, v
		return
	}
	v.prev, v.next = (*ring).prev, *ring
	v.prev.next, v.next.prev = v, v
}

func (l *line) unlist(v *visits, from standing) {
	ring := &l.visits[from]
	switch {
	case v.next == v:
		*ring = nil
	case *ring == v:
		*ring = v.next
	}
	v.prev.next, v.next.prev = v.next, v.prev
}

// follow adds an event to its fifo.
func (q *queue) follow(e *event) {
	l := e.line
	switch {
	case channelKinds.has(e.kind):
		l.arrange(&l.channel, func(v *visits) { v.push(e) })
	case memberKinds.has(e.kind):
		if q.members == nil {
			q.members = make(map[subject]*visits)
		}
		s := subject{l.name, e.more.user}
		v := q.members[s]
		if v == nil {
			v = &visits{}
			q.members[s] = v
		}
		l.arrange(v, func(v *visits) { v.push(e) })
	case e.kind == channels.SubscriptionCount:
		l.counts.push(e)
	default:
		l.others.push(e)
	}
}

// unfollow removes an event, the first of its fifo.
func (q *queue) unfollow(e *event) {
	l := e.line
	switch {
	case channelKinds.has(e.kind):
		l.arrange(&l.channel, func(v *visits) { v.pop() })
	case memberKinds.has(e.kind):
		s := subject{l.name, e.more.user}
		v := q.members[s]
		l.arrange(v, func(v *visits) { v.pop() })
		if v.first == nil {
			if delete(q.members, s); len(q.members) == 0 {
				q.members = nil // a map never shrinks
			}
		}
	case e.kind == channels.SubscriptionCount:
		l.counts.pop()
	default:
		l.others.pop()
	}
}

// arrange changes visits and moves them to the ring of their new standing.
func (l *line) arrange(v *visits, change func(*visits)) {
	if v.first == nil {
		change(v)
		l.list(v)
		return
	}
	before := v.standing()
	if change(v); v.first != nil && v.standing() == before {
		return
	}
	l.unlist(v, before)
	if v.first != nil {
		l.list(v)
	}
}

// loss appends the events that the channel drops next. An arrival and the
// following departure are dropped together, and so are a departure and the
// following arrival: the back end's view stays correct without both. A single
// one is dropped only if nothing else of the channel waits, a departure last.
func (l *line) loss(gone []*event) []*event {
	if l.counts.first != l.counts.last {
		return append(gone, l.counts.first)
	}
	if v := l.visits[paired]; v != nil {
		first, second := v.first, v.first.after
		if n := l.counts.first; v == &l.channel && n != nil && n.seq < second.seq {
			gone = append(gone, n) // it happened between the two, or before
		}
		return append(gone, first, second)
	}
	if l.others.first != nil {
		return append(gone, l.others.first)
	}
	if l.counts.first != nil {
		return append(gone, l.counts.first)
	}
	if v := l.visits[arrived]; v != nil {
		return append(gone, v.first)
	}
	return append(gone, l.visits[departed].first)
}

// weight is how much an event counts when channels are compared: one, plus one
// for each KB of payload. The length of names does not count.
func (e *event) weight() int32 { return 1 + int32(e.extra()>>10) }

// lineHeap is a heap of lines for container/heap: the one with the most weight
// first; of equal ones the one that has waited longest.
type lineHeap []*line

func (h lineHeap) Len() int { return len(h) }

func (h lineHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	return a.weight > b.weight || a.weight == b.weight && a.since < b.since
}

func (h lineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = int32(i), int32(j)
}

// Push adds a line, for container/heap.
func (h *lineHeap) Push(x any) {
	l := x.(*line)
	l.index = int32(len(*h))
	*h = append(*h, l)
}

// Pop removes the last line, for container/heap.
func (h *lineHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	if cap(*h) > 4*last+64 {
		*h = append(make(lineHeap, 0, 2*last), *h...)
	}
	return l
}
