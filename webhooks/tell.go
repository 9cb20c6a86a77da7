package webhooks

import (
	"strings"
	"sync/atomic"
	"time"

	"fanfare/channels"
)

// Wants returns the kinds of notices about a channel that the endpoints of an
// app receive, as bits 1<<kind. Of two opposite kinds both are set or none.
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

// Grace is how long a channel must be vacated, or a member absent, before the
// event is sent, for callers that hold removals back themselves. See Tell.
func (s *Sender) Grace() time.Duration { return time.Duration(s.grace.Load()) }

// Tell queues a notice for the endpoints that want it, without the grace and
// without storing it: the caller keeps the notice until done is called. That
// happens once every endpoint has received the event or given it up, and before
// Tell returns if no endpoint wants it. done must not block.
func (s *Sender) Tell(n channels.Notice, done func()) {
	r := &receipt{done: done}
	r.left.Store(1)
	defer r.settle()
	if t := (*s.tenants.Load())[n.App.ID]; t != nil {
		t.tellFor(&n, r)
	}
}

// receipt counts the endpoints that have not yet received an event.
type receipt struct {
	left atomic.Int32
	done func()
}

func (r *receipt) settle() {
	if r.left.Add(-1) == 0 {
		r.done()
	}
}

// receive registers a receipt for an event. The caller holds the lock.
func (e *endpoint) receive(seq uint64, r *receipt) {
	if e.receipts == nil {
		e.receipts = make(map[uint64]*receipt)
	}
	r.left.Add(1)
	e.receipts[seq] = r
}

// forget removes an event from the journal and settles its receipt. The caller
// holds the lock.
func (e *endpoint) forget(seq uint64) {
	r := e.receipts[seq]
	if r == nil {
		e.journal.remove(e.bucket, seq)
		return
	}
	if delete(e.receipts, seq); len(e.receipts) == 0 {
		e.receipts = nil // a map never shrinks
	}
	r.settle()
}

// unreceipted returns the number of waiting events without a receipt.
func (e *endpoint) unreceipted() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.queue.len() + e.inFlight - len(e.receipts)
}

// kept reports whether waiting events are kept when the process ends.
func (e *endpoint) kept() bool { return e.journal != nil || e.unreceipted() == 0 }
