package webhooks

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
)

// endpoint is one URL with its queue. One goroutine sends its requests one at a
// time, which keeps the order.
type endpoint struct {
	app     string
	url     *url.URL
	apps    *apps.Registry
	account *account.Account
	tracer  Tracer   // nil without tracing
	journal *journal // nil without a store
	bucket  string   // in the journal
	wake    chan struct{}
	settled chan struct{} // closed when a drain has nothing left to wait for
	present atomic.Pointer[settings]
	retired func(*endpoint) bool // removes the endpoint if it is to end; see Sender.retired

	seq *atomic.Uint64 // the number of the newest event of all endpoints

	past   *recent      // nil if deliveries are not kept
	recent []*attempted // the oldest first; guarded by the lock of past

	mu       sync.Mutex
	queue    queue
	inFlight int
	receipts map[uint64]*receipt // by seq, for events whose sender waits for their end
	ended    bool                // no more events are sent

	sent, retried, failed atomic.Uint64
	dropped               [classes][reasons]atomic.Uint64
	down                  atomic.Bool

	// The sending goroutine only.
	key      apps.Key // the app's key when it was last found
	circuit  circuit
	drain    <-chan struct{}          // nil once the drain was noticed
	newest   uint64                   // seq of the newest event at that time
	reported [classes][reasons]uint64 // dropped events that are logged already
	quiet    time.Time                // dropped events are not logged before this time
}

// settings are the part of an endpoint that can change. They are replaced as a
// whole.
type settings struct {
	index     int  // in the app's list
	leaving   bool // no longer in the list; ends when its queue is empty
	header    http.Header
	interval  time.Duration // in which events are collected; 0 disables batches
	maxEvents int
	maxBytes  int
	client    *client
	log       *slog.Logger
}

func newEndpoint(s *Sender, app, bucket string, u *url.URL) *endpoint {
	return &endpoint{
		app:     app,
		url:     u,
		apps:    s.cfg.Apps,
		account: s.cfg.Account,
		tracer:  s.cfg.Tracer,
		journal: s.journal,
		seq:     &s.seq,
		past:    s.recent,
		bucket:  bucket,
		wake:    make(chan struct{}, 1),
		settled: make(chan struct{}),
		retired: s.retired,
		circuit: circuit{retry: s.cfg.Retry, random: s.cfg.Random},
		drain:   s.drain,
	}
}

// take applies settings, also to events that are queued already.
func (e *endpoint) take(next *settings) {
	e.present.Store(next)
	for e.shrink(next) {
	}
	signal(e.wake)
}

// shrink drops some of the events above the limits and reports whether there
// may be more. It drops only some because sockets may wait for the lock.
func (e *endpoint) shrink(s *settings) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for range flushBurst {
		if e.queue.len() <= s.maxEvents && e.queue.bytes <= s.maxBytes {
			return false
		}
		e.drop(e.queue.loser(), queueFull)
	}
	return true
}

// push queues an event and drops others if there is no room, at most as many as
// free the room of one. Events above limits that were lowered are dropped by
// take. While memory is short, waiting events of the unsigned class are
// dropped.
func (e *endpoint) push(at int64, r record, waits *receipt) {
	now := e.present.Load()
	short := e.account.Full()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	if lineBytes+len(r.channel)+eventBytes+r.extra() > now.maxBytes {
		e.dropped[classOf(r.channel)][tooLarge].Add(1)
		return
	}
	q := &e.queue
	events, bytes := q.len(), q.bytes
	seq := e.seq.Add(1)
	class := q.push(seq, at, r)
	e.account.Hold(account.Webhooks, q.bytes-bytes)
	if waits != nil {
		e.receive(seq, waits)
	} else {
		e.journal.put(e.bucket, seq, r)
	}
	for q.len() > max(now.maxEvents, events) || q.bytes > max(now.maxBytes, bytes) {
		e.drop(q.loser(), queueFull)
	}
	for short && q.bytes > bytes && q.classes[unsigned].n > 0 {
		e.drop(unsigned, memoryShort)
	}
	if q.classes[class].n == 1 || q.full() {
		signal(e.wake)
	}
}

// drop drops the events that a class loses first. The caller holds the lock and
// has checked that events of the class wait.
func (e *endpoint) drop(c class, why reason) {
	before := e.queue.bytes
	for _, ev := range e.queue.drop(c) {
		e.forget(ev.seq)
		e.account.Release(account.Webhooks, before-e.queue.bytes)
		before = e.queue.bytes
		e.dropped[c][why].Add(1)
	}
}

// restore queues an event that the journal holds. It is called before run and
// before take, which drops events above the limits.
func (e *endpoint) restore(seq uint64, r record) {
	for now := e.seq.Load(); now < seq && !e.seq.CompareAndSwap(now, seq); {
		now = e.seq.Load()
	}
	before := e.queue.bytes
	e.queue.push(seq, 0, r)
	e.account.Hold(account.Webhooks, e.queue.bytes-before)
}

func (e *endpoint) waiting() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.queue.len() + e.inFlight
}

// run sends what is queued until ctx is done.
func (e *endpoint) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer func() {
		e.quiet = time.Time{}
		e.reportDropped()
	}()
	for ctx.Err() == nil {
		select {
		case <-e.drain: // new events may arrive all the time
			e.drains()
		default:
		}
		if e.drain == nil && e.sentUpTo(e.newest) {
			e.settle()
		}
		batch, wait := e.next(false)
		if len(batch) > 0 {
			e.deliver(ctx, batch, time.Now())
			continue
		}
		if wait == 0 && e.present.Load().leaving && e.retired(e) {
			return
		}
		if wait > 0 {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-timer.C:
		case <-e.drain:
			e.drains()
		}
	}
}

// drains records that a drain has begun.
func (e *endpoint) drains() { e.drain, e.newest = nil, e.seq.Load() }

// sentUpTo reports whether all events up to a number are sent or dropped.
func (e *endpoint) sentUpTo(seq uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for c := range e.queue.classes {
		if first := e.queue.classes[c].first; first != nil && first.seq <= seq {
			return false
		}
	}
	return true
}

// next takes the events of the next request if it is time to send it. Otherwise
// wait is how long to wait for more events; 0 means until there is one.
func (e *endpoint) next(onlySigned bool) (batch []*event, wait time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	first := e.queue.firstOf(onlySigned)
	if first == nil {
		return nil, 0
	}
	most := 1
	if now := e.present.Load(); now.interval > 0 {
		most = batchEvents
		if e.drain != nil && !now.leaving && !e.queue.full() {
			if wait = now.interval - first.age(); wait > 0 {
				return nil, wait
			}
		}
	}
	before := e.queue.bytes
	batch = e.queue.take(most, onlySigned)
	e.account.Resize(account.Webhooks, e.queue.bytes-before) // from here on the request holds them
	e.inFlight += len(batch)
	return batch, 0
}

func (e *endpoint) settle() {
	select {
	case <-e.settled:
	default:
		close(e.settled)
	}
}

// reportDropped logs, at intervals, that events were dropped. It is not logged
// where events are dropped, which may be under a channel's lock.
func (e *endpoint) reportDropped() {
	if time.Now().Before(e.quiet) {
		return
	}
	for c := range e.dropped {
		for why := range refused { // refused events are logged one by one
			dropped := e.dropped[c][why].Load()
			if dropped == e.reported[c][why] {
				continue
			}
			e.present.Load().log.Warn(why.message(),
				slog.String("class", class(c).String()), slog.Uint64("events", dropped-e.reported[c][why]))
			e.reported[c][why] = dropped
			e.quiet = time.Now().Add(time.Minute)
		}
	}
}
