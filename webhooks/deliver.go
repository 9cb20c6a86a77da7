package webhooks

import (
	"context"
	"log/slog"
	"time"

	"fanfare/internal/account"
)

// deliver posts one request until it is accepted or GiveUp has passed since
// first (docs/spec/webhooks.md#delivery). When ctx is done the events stay
// undelivered.
//
// An endpoint may refuse events because of their content. Anyone can choose the
// content of events of public channels, so these must not delay events that
// needed a signature: a refused request with both is split in two, and while a
// request with unsigned events waits, signed ones are sent.
func (e *endpoint) deliver(ctx context.Context, events []*event, first time.Time) {
	// The hook contains the time of the request. Its last attempt ends before
	// GiveUp because Python's SDK refuses a hook older than five minutes.
	last := first.Add(e.circuit.retry.GiveUp - e.present.Load().client.timeout)
	batch := newBatch(events)
	body := batch.body(first)
	holds := batch.bytes + len(body)
	e.account.Resize(account.Webhooks, holds)
	defer e.account.Resize(account.Webhooks, -holds)
	var trace attempts
	shown := e.past.begin(e, batch, first)
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			e.retried.Add(1)
		}
		begun := time.Now()
		traceparent := e.began(&trace, batch.len())
		status, err := e.attempt(ctx, body, traceparent)
		trace.ended(status, err)
		if err == nil {
			e.logAttempt(attempt, batch.len(), status, begun, nil, 0)
			shown.note(status, begun, nil, 0)
			e.delivered(batch)
			return
		}
		if ctx.Err() != nil {
			return
		}
		wait := e.failure(err)
		left := time.Until(last)
		e.logAttempt(attempt, batch.len(), status, begun, err, min(wait, max(0, left)))
		shown.note(status, begun, err, min(wait, max(0, left)))
		if left <= 0 {
			e.done(batch)
			e.giveUp(batch, err)
			shown.fail(body)
			return
		}
		answered := status > 0
		if !e.pause(ctx, min(wait, left), answered && batch.of(signed) == 0) {
			return
		}
		if answered && batch.of(signed) > 0 && batch.of(unsigned) > 0 {
			shown.split()
			for _, part := range []class{signed, unsigned} {
				if e.deliver(ctx, batch.events[part], first); ctx.Err() != nil {
					return
				}
			}
			return
		}
	}
}

// batch is the events of a request, by class, and their size.
type batch struct {
	all    []*event
	events [classes][]*event
	bytes  int
}

func newBatch(events []*event) *batch {
	b := &batch{all: events}
	for _, ev := range events {
		b.events[ev.line.class] = append(b.events[ev.line.class], ev)
		b.bytes += eventBytes + ev.extra()
	}
	return b
}

func (b *batch) len() int       { return len(b.all) }
func (b *batch) of(c class) int { return len(b.events[c]) }

func (b *batch) body(at time.Time) []byte {
	size := 64
	for _, ev := range b.all {
		r := ev.record()
		size += r.size() + 1
	}
	return appendHook(make([]byte, 0, size), at, b.all)
}

// giveUp counts and logs events that could not be delivered.
func (e *endpoint) giveUp(b *batch, err error) {
	for c := range b.events {
		n := b.of(class(c))
		if n == 0 {
			continue
		}
		e.dropped[c][refused].Add(uint64(n))
		e.present.Load().log.Warn(refused.message(),
			slog.String("class", class(c).String()), slog.Int("events", n), slog.String("error", err.Error()))
	}
}

// attempt signs with the app's current key. An app that was removed signs with
// its last key, since the events about its closed channels still have to be
// sent.
func (e *endpoint) attempt(ctx context.Context, body []byte, traceparent string) (status int, err error) {
	if app, ok := e.apps.ByID(e.app); ok {
		e.key = app.Keys[0]
	}
	now := e.present.Load()
	return now.client.post(ctx, e.url, now.header, e.key, body, traceparent)
}

func (e *endpoint) delivered(b *batch) {
	e.sent.Add(uint64(b.len()))
	e.done(b)
	if e.circuit.succeed() {
		e.down.Store(false)
		e.present.Load().log.Info("the webhook endpoint answers again", slog.Int("waiting", e.waiting()))
	}
	e.reportDropped()
}

// logAttempt logs how an attempt, counted from 0, ended. next is the wait
// before the following attempt; 0 means that there is none.
func (e *endpoint) logAttempt(attempt, events, status int, begun time.Time, err error, next time.Duration) {
	log := e.present.Load().log
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{slog.Int("attempt", attempt+1), slog.Int("events", events), slog.Duration("took", time.Since(begun))}
	if status > 0 {
		attrs = append(attrs, slog.Int("status", status))
	}
	if err != nil {
		attrs = append(attrs, slog.String("reason", err.Error()))
	}
	if next > 0 {
		attrs = append(attrs, slog.Duration("next", next))
	}
	log.LogAttrs(context.Background(), slog.LevelDebug, "webhook attempt", attrs...)
}

// failure records a failed attempt and returns how long to wait.
func (e *endpoint) failure(err error) time.Duration {
	e.failed.Add(1)
	wait, opened := e.circuit.fail()
	if opened {
		e.down.Store(true)
		e.present.Load().log.Warn("the webhook endpoint is down", slog.Int("waiting", e.waiting()), slog.String("error", err.Error()))
	}
	e.reportDropped()
	select {
	case <-e.drain: // the drain began during the attempt
		e.drains()
		e.circuit.failures = 0
	default:
	}
	if e.drain == nil && e.kept() {
		e.settle() // the store keeps the remaining events
	}
	return wait
}

// done removes events that are delivered or given up.
func (e *endpoint) done(b *batch) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.inFlight -= b.len()
	for _, ev := range b.all {
		e.account.Release(account.Webhooks, 0)
		e.forget(ev.seq)
	}
}

// pause waits, and sends signed events meanwhile if sendSigned is set. It
// reports whether to continue. A drain that begins ends the wait.
func (e *endpoint) pause(ctx context.Context, d time.Duration, sendSigned bool) bool {
	until, drain := time.Now().Add(d), e.drain
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		wait := time.Until(until)
		if wait <= 0 || e.drain != drain { // a request during the wait may have noticed the drain
			return true
		}
		var wake chan struct{}
		if sendSigned {
			wake = e.wake
			batch, gather := e.next(true)
			if len(batch) > 0 {
				if e.deliver(ctx, batch, time.Now()); ctx.Err() != nil {
					return false
				}
				continue
			}
			if gather > 0 {
				wait = min(wait, gather)
			}
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-wake:
		case <-e.drain:
			e.drains()
			e.circuit.failures = 0 // little time is left, so start with short waits again
			return true
		case <-ctx.Done():
			return false
		}
	}
}
