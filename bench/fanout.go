package bench

import (
	"context"
	"errors"
	"time"

	"fanfare/bench/report"
)

// Fanout publishes events over HTTP and measures their delivery to many sockets.
type Fanout struct {
	Sockets   int
	Channels  int // that the sockets and events are spread over
	NeverRead int // further sockets, on all channels, that subscribe and then never read
	Size      int // of an event's data, bytes
	Rate      float64
	Callers   int    // HTTP connections
	To        int    // channels of each event; 0 means 1
	Batch     int    // events in one request; 0 means 1
	Via       string // one of Transports; "" means WebSocket
	Warmup    time.Duration
	Duration  time.Duration
}

// Run implements Scenario. With Rate 0 the next event is published when all sockets
// have received the previous one.
func (w Fanout) Run(ctx context.Context, t Target) (report.Result, error) {
	if w.To > 1 && (w.Channels%w.To != 0 || w.Batch > 1) {
		return report.Result{}, errors.New("the number of channels must be a multiple of the channels of an event, and events to several channels cannot be sent in batches")
	}
	s, err := newSession("fanout", t, w.Sockets+w.NeverRead)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sockets", "%d", w.Sockets)
	s.result.Set("channels", "%d", w.Channels)
	if w.NeverRead > 0 {
		s.result.Set("never reading", "%d", w.NeverRead)
	}
	s.result.Set("data", "%d bytes", w.Size)
	s.result.Set("load", "%s", loadName(w.Rate))
	if w.To > 1 {
		s.result.Set("channels of an event", "%d", w.To)
	}
	if w.Batch > 1 {
		s.result.Set("events of a request", "%d", w.Batch)
	}
	if w.Via != "" && w.Via != ViaWebSocket {
		s.result.Set("transport", "%s", w.Via)
	}

	channels := names("bench-fanout-", w.Channels)
	f := newFleet(s.loop, s.target, channels)
	f.silent = func(i int) bool { return i >= w.Sockets }
	f.group = max(w.To, 1)
	groups, batch := w.Channels/f.group, max(w.Batch, 1)
	f.ledger = newLedger(w.Sockets+w.NeverRead, groups, w.Callers)
	if err := f.carry(w.Via, w.Sockets+w.NeverRead); err != nil {
		return report.Result{}, err
	}
	if err := f.open(ctx, w.Sockets+w.NeverRead); err != nil {
		return report.Result{}, err
	}

	d := newLoad(s.loop, f.ledger, w.Rate/float64(batch), groups)
	d.live = func(group int) int64 { return f.live[group] }
	if batch > 1 {
		newBatches(d, []Target{s.target}, channels, w.Size, w.Callers, batch)
	} else {
		newTriggers(d, s.target, channels, w.Size, w.Callers).to = f.group
	}
	m, err := s.drive(ctx, d, w.Warmup, w.Duration)
	if err != nil {
		return report.Result{}, err
	}
	s.deliveries(f.ledger, f, noStream)
	if w.NeverRead > 0 {
		cut, err := s.cutOff(ctx, f)
		if err != nil {
			return report.Result{}, err
		}
		s.result.Add("never reading and cut off", "", float64(cut))
	}
	s.calls(d, m)
	addUsage(&s.result, m, f.ledger.measured)
	return s.result, nil
}

// cutOff returns how many of the sockets that never read the server has closed.
// Their clients do not notice: the close waits behind the data that they did not
// read.
func (s *session) cutOff(ctx context.Context, f *fleet) (int, error) {
	joined := 0
	s.loop.Do(func() { joined = f.joined })
	q := newInquirer(s.loop, s.target)
	for _, name := range f.names {
		n, err := q.subscribers(ctx, name)
		if err != nil {
			return 0, err
		}
		joined -= n
	}
	return joined, nil
}

func loadName(rate float64) string {
	if rate == 0 {
		return "closed loop"
	}
	return report.Number(rate) + " events/s"
}
