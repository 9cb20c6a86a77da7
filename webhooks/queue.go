package webhooks

import "time"

// event is one event that waits for an endpoint. Its JSON may be shared with
// the queues of other endpoints and is only read.
type event struct {
	seq  uint64    // its place in the endpoint's order, and its key in the store
	at   time.Time // when it was queued; zero for events of an earlier run
	json []byte
}

// queue holds the events of one endpoint in order, in a ring that grows and
// shrinks with them.
type queue struct {
	ring  []event // a power of two long
	head  int
	n     int
	bytes int
}

func (q *queue) len() int { return q.n }

func (q *queue) at(i int) *event { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

func (q *queue) push(e event) {
	if q.n == len(q.ring) {
		q.resize(max(16, 2*q.n))
	}
	*q.at(q.n) = e
	q.n++
	q.bytes += len(e.json)
}

func (q *queue) pop() event {
	e := *q.at(0)
	*q.at(0) = event{}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	q.bytes -= len(e.json)
	if len(q.ring) > 64 && q.n <= len(q.ring)/4 {
		q.resize(len(q.ring) / 2)
	}
	return e
}

func (q *queue) resize(size int) {
	ring := make([]event, size)
	for i := range q.n {
		ring[i] = *q.at(i)
	}
	q.ring, q.head = ring, 0
}

// A request carries at most batchEvents events and, unless a single one is
// longer, batchBytes bytes of them (spec: webhooks, Batching).
const (
	batchEvents = 100
	batchBytes  = 256 << 10
)

// full tells whether the queue holds a whole batch.
func (q *queue) full() bool { return q.n >= batchEvents || q.bytes >= batchBytes }

// take removes the next batch of at most most events.
func (q *queue) take(most int) []event {
	count, size := 0, 0
	for count < min(most, q.n) {
		if size += len(q.at(count).json) + 1; count > 0 && size > batchBytes {
			break
		}
		count++
	}
	batch := make([]event, count)
	for i := range batch {
		batch[i] = q.pop()
	}
	return batch
}
