package webhooks

import (
	"unsafe"

	"fanfare/channels"
)

// line is what waits of one channel. A channel loses what leaves the back end's
// picture right before what makes it wrong, see loss.
type line struct {
	name   string
	since  uint64 // number of the event that it began with
	weight int32  // of its events
	n      int32
	index  int32 // in the heap
	class  class

	channel visits             // when it was occupied and vacated
	visits  [standings]*visits // the channel's and those of its members, by standing: rings, in the order in which they came to it
	counts  fifo               // numbers of subscriptions, each of which outdates those before it
	others  fifo               // client events and cache misses, which change no picture
}

// fifo is events in their order.
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

// visits are the arrivals and departures, in turn, of a channel or of a member.
type visits struct {
	fifo
	prev, next *visits // of the line's with the same standing
}

// visitsBytes is what the visits of a member take: themselves, and the place in
// the queue's map, of which a part is empty.
const visitsBytes = int(unsafe.Sizeof(visits{})) + 63

// standing is what would be wrong without the first of the visits.
type standing int

const (
	paired   standing = iota // nothing, if the one after it, which reverts it, goes too
	arrived                  // the back end would not know of who is there
	departed                 // it would believe somebody there who never leaves any more

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

// list puts visits among those of their standing, as the last.
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

// follow puts an event into the fifo it belongs to.
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

// unfollow takes an event, the first, out of its fifo.
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
				q.members = nil // a map keeps the room of its largest size
			}
		}
	case e.kind == channels.SubscriptionCount:
		l.counts.pop()
	default:
		l.others.pop()
	}
}

// arrange changes visits and lists them by the standing they have then.
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

// loss appends what the channel is to lose next. An arrival and the departure
// that follows go together, and so do a departure and the return after it: the
// back end's picture is as right without both. One alone goes when nothing else
// waits of the channel, a departure last.
func (l *line) loss(gone []*event) []*event {
	if l.counts.first != l.counts.last {
		return append(gone, l.counts.first)
	}
	if v := l.visits[paired]; v != nil {
		first, second := v.first, v.first.after
		if n := l.counts.first; v == &l.channel && n != nil && n.seq < second.seq {
			gone = append(gone, n) // it is of the time between the two, or before
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

// weight is what an event counts for when channels are compared: one, and one
// more for each KB. Names, which may be short or long, make no difference.
func (e *event) weight() int32 { return 1 + int32(e.extra()>>10) }

// lineHeap is a heap of lines for container/heap: the one with the most to lose
// is first, of equals the one that waits for longest.
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

// Pop takes the last line away, for container/heap.
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
