package webhooks

import (
	"strings"
	"sync/atomic"
	"time"

	"fanfare/channels"
)

// Wants returns the kinds of notices about a channel that the endpoints of an app
// receive, a bit 1<<kind each. Of two opposite kinds it has both or none.
func (s *Sender) Wants(app, channel string) (kinds uint16) {
	t := (*s.tenants.Load())[app]
	if t == nil || strings.HasPrefix(channel, "#") {
		return 0
	}
	a := t.audience.Load()
	for i := range a.endpoints {
		if f := &a.endpoints[i].filter; f.channel(channel) {
			kinds |= uint16(f.kinds)
		}
	}
	for _, pair := range []kindSet{channelKinds, memberKinds} {
		if kindSet(kinds)&pair != 0 {
			kinds |= uint16(pair)
		}
	}
	return kinds
}

// Grace is how long a channel or member must be gone before the removal is sent,
// for callers that hold removals back themselves. See Tell.
func (s *Sender) Grace() time.Duration { return time.Duration(s.grace.Load()) }

// Tell queues a notice for the endpoints that want it, with no regard to the
// grace, and without a place in the store: whoever calls it keeps the notice
// until done is called. That is once no endpoint waits for it any more,
// delivered or given up; if none wants it, before Tell returns. Done does not
// block.
func (s *Sender) Tell(n channels.Notice, done func()) {
	r := &receipt{done: done}
	r.left.Store(1)
	defer r.settle()
	if t := (*s.tenants.Load())[n.App.ID]; t != nil {
		t.tellFor(&n, r)
	}
}

// receipt counts the endpoints that have yet to be told of something.
type receipt struct {
	left atomic.Int32
	done func()
}

func (r *receipt) settle() {
	if r.left.Add(-1) == 0 {
		r.done()
	}
}

// receive notes that somebody waits for the event's end. The caller holds the
// lock.
func (e *endpoint) receive(seq uint64, r *receipt) {
	if e.receipts == nil {
		e.receipts = make(map[uint64]*receipt)
	}
	r.left.Add(1)
	e.receipts[seq] = r
}

// forget ends what is kept of an event beside the queue. The caller holds the
// lock.
func (e *endpoint) forget(seq uint64) {
	r := e.receipts[seq]
	if r == nil {
		e.journal.remove(e.bucket, seq)
		return
	}
	if delete(e.receipts, seq); len(e.receipts) == 0 {
		e.receipts = nil // a map keeps the room of its largest size
	}
	r.settle()
}

// unreceipted is how many events wait of which nobody else knows.
func (e *endpoint) unreceipted() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.queue.len() + e.inFlight - len(e.receipts)
}

// kept reports whether what waits is kept when the process ends.
func (e *endpoint) kept() bool { return e.journal != nil || e.unreceipted() == 0 }
