package bench

import (
	"context"
	"errors"
	"time"

	"fanfare/bench/report"
)

// Trigger measures the HTTP API: how many events a second it accepts.
type Trigger struct {
	Callers     int // keep-alive connections, each with one request in progress
	Channels    int
	Subscribers int // sockets that receive the events
	Batch       int // events in one request, with subscribers only; 0 means 1
	Size        int // of an event's data, bytes
	Rate        float64
	SignEach    bool // sign every request when it is sent; otherwise prepared requests are sent repeatedly
	Warmup      time.Duration
	Duration    time.Duration
}

// Run implements Scenario. With subscribers every request is signed when it is
// sent, because all events have to differ.
func (w Trigger) Run(ctx context.Context, t Target) (report.Result, error) {
	if w.Batch > 1 && w.Subscribers == 0 {
		return report.Result{}, errors.New("batches need subscribers")
	}
	s, err := newSession("trigger", t, w.Subscribers+w.Callers)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("callers", "%d", w.Callers)
	s.result.Set("subscribers", "%d", w.Subscribers)
	s.result.Set("data", "%d bytes", w.Size)
	s.result.Set("load", "%s", loadName(w.Rate))
	if w.Batch > 1 {
		s.result.Set("events of a request", "%d", w.Batch)
	}

	channels := names("bench-trigger-", w.Channels)
	f := newFleet(s.loop, s.target, channels)
	if w.Subscribers > 0 {
		f.ledger = newLedger(w.Subscribers, w.Channels, w.Callers)
		if err := f.open(ctx, w.Subscribers); err != nil {
			return report.Result{}, err
		}
	}

	d := newLoad(s.loop, f.ledger, w.Rate/float64(max(w.Batch, 1)), w.Channels)
	d.flood = true
	d.live = func(channel int) int64 { return f.live[channel] }
	if w.Batch > 1 {
		newBatches(d, []Target{s.target}, channels, w.Size, w.Callers, w.Batch)
	} else if out := newTriggers(d, s.target, channels, w.Size, w.Callers); w.Subscribers == 0 && !w.SignEach {
		out.prepare(time.Now())
	}
	m, err := s.drive(ctx, d, w.Warmup, w.Duration)
	if err != nil {
		return report.Result{}, err
	}
	s.calls(d, m)
	if f.ledger != nil {
		s.deliveries(f.ledger, f, noStream)
	}
	addUsage(&s.result, m, d.answers.TotalCount())
	return s.result, nil
}
