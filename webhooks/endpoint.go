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
)

// endpoint is one address with its queue. One goroutine sends to it, one
// request at a time, which is what keeps the order.
type endpoint struct {
	app     string
	url     *url.URL
	apps    *apps.Registry
	journal *journal // nil without a store
	bucket  string   // in the journal
	wake    chan struct{}
	settled chan struct{} // closed when a drain need not wait any longer
	present atomic.Pointer[settings]
	retired func(*endpoint) bool // forgets it if it is to end; see Sender.retired

	mu       sync.Mutex
	queue    queue
	seq      uint64 // of the newest event
	inFlight int
	ended    bool // nothing is sent any more

	sent, retried, failed, dropped atomic.Uint64
	down                           atomic.Bool

	// The sending goroutine only.
	key      apps.Key // the last that the app was seen with
	circuit  circuit
	drain    <-chan struct{} // nil once a drain was noticed
	reported uint64          // of dropped
	quiet    time.Time       // no report of dropped events before
}

// settings are what can change of an endpoint. They are replaced as a whole.
type settings struct {
	index     int  // in the app's list
	leaving   bool // it is no longer in the list, and ends when its queue is empty
	header    http.Header
	interval  time.Duration // of batches; 0 for none
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
		journal: s.journal,
		bucket:  bucket,
		wake:    make(chan struct{}, 1),
		settled: make(chan struct{}),
		retired: s.retired,
		circuit: circuit{retry: s.cfg.Retry, random: s.cfg.Random},
		drain:   s.drain,
	}
}

// take makes settings count, for events that are queued already as well.
func (e *endpoint) take(next *settings) {
	e.present.Store(next)
	for e.shrink(next) {
	}
	signal(e.wake)
}

// shrink drops some of the oldest events that are more than the bounds allow,
// and tells whether there may be more of them. Sockets may wait for the lock.
func (e *endpoint) shrink(s *settings) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for range flushBurst {
		if e.queue.len() <= s.maxEvents && e.queue.bytes <= s.maxBytes {
			return false
		}
		e.journal.remove(e.bucket, e.queue.pop().seq)
		e.dropped.Add(1)
	}
	return true
}

// push queues an event. The oldest ones give way when there is no room.
func (e *endpoint) push(at time.Time, json []byte) {
	now := e.present.Load()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended || len(json) > now.maxBytes {
		e.dropped.Add(1)
		return
	}
	for e.queue.len() > 0 && (e.queue.len() >= now.maxEvents || e.queue.bytes+len(json) > now.maxBytes) {
		e.journal.remove(e.bucket, e.queue.pop().seq)
		e.dropped.Add(1)
	}
	e.seq++
	ev := event{seq: e.seq, at: at, json: json}
	e.queue.push(ev)
	e.journal.put(e.bucket, ev)
	if e.queue.len() == 1 || e.queue.full() {
		signal(e.wake)
	}
}

// restore queues an event that the journal holds. It is called before run and
// before take, which drops what is too much.
func (e *endpoint) restore(ev event) {
	e.seq = ev.seq
	e.queue.push(ev)
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
		batch, wait := e.next()
		if len(batch) > 0 {
			e.deliver(ctx, batch)
			continue
		}
		if wait == 0 && e.present.Load().leaving && e.retired(e) {
			return
		}
		if wait > 0 {
			timer.Reset(wait)
		} else {
			timer.Stop()
			if e.drain == nil {
				e.settle()
			}
		}
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-timer.C:
		case <-e.drain:
			e.drain = nil
		}
	}
}

// next takes the events of the next request, if it is time to send one. Else
// wait is how long to wait for more of them; 0 is until there are any.
func (e *endpoint) next() (batch []event, wait time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.queue.len() == 0 {
		return nil, 0
	}
	most := 1
	if now := e.present.Load(); now.interval > 0 {
		most = batchEvents
		if e.drain != nil && !now.leaving && !e.queue.full() {
			if wait = now.interval - time.Since(e.queue.at(0).at); wait > 0 {
				return nil, wait
			}
		}
	}
	batch = e.queue.take(most)
	e.inFlight = len(batch)
	return batch, 0
}

func (e *endpoint) settle() {
	select {
	case <-e.settled:
	default:
		close(e.settled)
	}
}

// reportDropped logs, now and then, that events gave way. It is not done where
// they do: that may be under a channel's lock.
func (e *endpoint) reportDropped() {
	dropped := e.dropped.Load()
	if dropped == e.reported || time.Now().Before(e.quiet) {
		return
	}
	e.present.Load().log.Warn("webhook events were dropped, the queue is full", slog.Uint64("events", dropped-e.reported))
	e.reported = dropped
	e.quiet = time.Now().Add(time.Minute)
}
