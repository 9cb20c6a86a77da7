package webhooks

import (
	"container/heap"
	"maps"
	"time"
	"unsafe"
)

// event is one event that waits for an endpoint.
type event struct {
	fact
	seq        uint64 // its position in the endpoint's order, and its key in the store
	at         int64  // when it was queued, in ns of Unix time; 0 if restored from an earlier run
	line       *line
	prev, next *event // in its class
	after      *event // in its fifo
}

func (e *event) record() record { return record{e.line.name, e.fact} }

// The memory that an event and a channel with events take in a queue, without
// the event's payload and the channel's name: the structs and their places in
// maps and heaps, which are partly empty (TestQueue_KnowsWhatItTakes).
const (
	eventBytes = int(unsafe.Sizeof(event{}))
	lineBytes  = int(unsafe.Sizeof(line{})) + 50
)

// queue holds the events of one endpoint, sorted by time and also by channel,
// so that events of the channel with the most can be dropped when there is no
// room. Every operation takes constant time, or logarithmic time in the number
// of channels. The zero value is empty.
type queue struct {
	lines   map[string]*line
	members map[subject]*visits
	classes [classes]backlog
	bytes   int  // memory, as counted by eventBytes and lineBytes
	encoded int  // bytes of JSON
	peak    int  // largest number of lines since the map was made
	behind  bool // unsigned events were dropped, and other unsigned events still wait
}

// backlog is the waiting events of one class.
type backlog struct {
	first, last *event
	n           int
	lines       lineHeap
}

func (q *queue) len() int { return q.classes[unsigned].n + q.classes[signed].n }

// first returns the event to be sent next, the oldest, or nil. After unsigned
// events were dropped, the remaining unsigned ones are sent after all signed
// ones.
func (q *queue) first() *event {
	u, s := q.classes[unsigned].first, q.classes[signed].first
	if s == nil || u != nil && u.seq < s.seq && !q.behind {
		return u
	}
	return s
}

// push queues an event and returns its class. seq must be greater than those
// before.
func (q *queue) push(seq uint64, at int64, r record) class {
	l := q.lines[r.channel]
	if l == nil {
		l = q.open(r.channel, seq)
	}
	e := &event{fact: r.fact, seq: seq, at: at, line: l}
	b := &q.classes[l.class]
	if e.prev = b.last; e.prev != nil {
		e.prev.next = e
	} else {
		b.first = e
	}
	b.last = e
	b.n++
	q.bytes += eventBytes + e.extra()
	q.encoded += r.size()
	q.follow(e)
	l.n++
	l.weight += e.weight()
	if l.index < 0 {
		heap.Push(&b.lines, l)
	} else {
		heap.Fix(&b.lines, int(l.index))
	}
	return l.class
}

// open creates the line of a channel without events.
func (q *queue) open(channel string, seq uint64) *line {
	if q.lines == nil {
		q.lines = make(map[string]*line)
	}
	l := &line{name: channel, class: classOf(channel), since: seq, index: -1}
	q.lines[channel] = l
	q.peak = max(q.peak, len(q.lines))
	q.bytes += lineBytes + len(channel)
	return l
}

// remove removes an event that is the first of its fifo.
func (q *queue) remove(e *event) {
	l := e.line
	b := &q.classes[l.class]
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		b.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		b.last = e.prev
	}
	b.n--
	q.bytes -= eventBytes + e.extra()
	r := e.record()
	q.encoded -= r.size()
	q.unfollow(e)
	l.n--
	l.weight -= e.weight()
	if l.n > 0 {
		heap.Fix(&b.lines, int(l.index))
	} else {
		heap.Remove(&b.lines, int(l.index))
		q.close(l)
	}
	if l.class == unsigned && b.n == 0 {
		q.behind = false
	}
	e.prev, e.next, e.after = nil, nil, nil
}

// fewLines is how many lines are copied into a new map when most have been
// removed: a map never shrinks.
const fewLines = 64

func (q *queue) close(l *line) {
	delete(q.lines, l.name)
	q.bytes -= lineBytes + len(l.name)
	if len(q.lines) == 0 {
		q.lines, q.peak = nil, 0
	} else if len(q.lines) <= fewLines && q.peak > 16*fewLines {
		q.lines, q.peak = maps.Collect(maps.All(q.lines)), fewLines
	}
}

// loser returns the class that loses events when there is no room.
func (q *queue) loser() class {
	if q.classes[unsigned].n > 0 {
		return unsigned
	}
	return signed
}

// drop removes and returns the events of a class to be dropped next: of the
// channel with the most weight, those that leave the back end's view least
// wrong. The class must have events.
func (q *queue) drop(c class) []*event {
	var list [3]*event
	gone := q.classes[c].lines[0].loss(list[:0])
	for _, e := range gone {
		q.remove(e)
	}
	if c == unsigned {
		q.behind = q.classes[c].n > 0
	}
	return gone
}

// A request carries at most batchEvents events and, unless a single one is
// longer, batchBytes bytes of them (docs/spec/webhooks.md#batches).
const (
	batchEvents = 100
	batchBytes  = 256 << 10
)

// full reports whether the queue holds a whole batch.
func (q *queue) full() bool { return q.len() >= batchEvents || q.encoded >= batchBytes }

// firstOf returns the event to be sent next of all, or of the signed class
// only.
func (q *queue) firstOf(onlySigned bool) *event {
	if onlySigned {
		return q.classes[signed].first
	}
	return q.first()
}

// take removes and returns the next batch of at most most events.
func (q *queue) take(most int, onlySigned bool) []*event {
	var batch []*event
	size := 0
	for len(batch) < most {
		e := q.firstOf(onlySigned)
		if e == nil {
			break
		}
		r := e.record()
		if size += r.size() + 1; len(batch) > 0 && size > batchBytes {
			break
		}
		q.remove(e)
		batch = append(batch, e)
	}
	return batch
}

// age is how long an event has waited. It is never negative, since the clock
// may have been set back.
func (e *event) age() time.Duration { return max(0, time.Duration(time.Now().UnixNano()-e.at)) }
