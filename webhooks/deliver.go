package webhooks

import (
	"context"
	"log/slog"
	"time"
)

// deliver posts one request until it is accepted or its time is over (spec:
// webhooks, Delivery). When ctx is done the events stay undelivered.
func (e *endpoint) deliver(ctx context.Context, batch []event) {
	// The time in the hook is that of the request, and its last attempt is over
	// before the limit: Python's SDK refuses a hook older than five minutes.
	first := time.Now()
	last := first.Add(e.circuit.retry.GiveUp - e.present.Load().client.timeout)
	body := appendHook(nil, first, batch)
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			e.retried.Add(1)
		}
		begun := time.Now()
		status, err := e.attempt(ctx, body)
		if err == nil {
			e.logAttempt(attempt, len(batch), status, begun, nil, 0)
			e.delivered(batch)
			return
		}
		if ctx.Err() != nil {
			return
		}
		wait := e.failure(err)
		left := time.Until(last)
		e.logAttempt(attempt, len(batch), status, begun, err, min(wait, max(0, left)))
		if left <= 0 {
			e.dropped.Add(uint64(len(batch)))
			e.reported += uint64(len(batch))
			e.done(batch)
			e.present.Load().log.Warn("dropped webhook events that were refused for too long", slog.Int("events", len(batch)), slog.String("error", err.Error()))
			return
		}
		if !e.pause(ctx, min(wait, left)) {
			return
		}
	}
}

// attempt signs with the app's key of this moment. An app that is gone has its
// last one: there is still to tell who left with it.
func (e *endpoint) attempt(ctx context.Context, body []byte) (status int, err error) {
	if app, ok := e.apps.ByID(e.app); ok {
		e.key = app.Keys[0]
	}
	now := e.present.Load()
	return now.client.post(ctx, e.url, now.header, e.key, body)
}

func (e *endpoint) delivered(batch []event) {
	e.sent.Add(uint64(len(batch)))
	e.done(batch)
	if e.circuit.succeed() {
		e.down.Store(false)
		e.present.Load().log.Info("the webhook endpoint answers again", slog.Int("waiting", e.waiting()))
	}
	e.reportDropped()
}

// logAttempt writes how an attempt, counted from 0, ended. next is when there
// will be another; 0 is never.
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

// failure notes a failed attempt and returns how long to wait.
func (e *endpoint) failure(err error) time.Duration {
	e.failed.Add(1)
	wait, opened := e.circuit.fail()
	if opened {
		e.down.Store(true)
		e.present.Load().log.Warn("the webhook endpoint is down", slog.Int("waiting", e.waiting()), slog.String("error", err.Error()))
	}
	e.reportDropped()
	select {
	case <-e.drain: // it began during the attempt
		e.drain = nil
		e.circuit.failures = 0
	default:
	}
	if e.drain == nil && e.journal != nil {
		e.settle() // the store keeps what is left
	}
	return wait
}

// done forgets events that are delivered or given up.
func (e *endpoint) done(batch []event) {
	e.mu.Lock()
	e.inFlight = 0
	e.mu.Unlock()
	for i := range batch {
		e.journal.remove(e.bucket, batch[i].seq)
	}
}

// pause waits. It tells whether to go on; a drain that begins ends the wait.
func (e *endpoint) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.drain:
		e.drain = nil
		e.circuit.failures = 0 // little time is left: short waits again
	case <-ctx.Done():
		return false
	}
	return true
}
