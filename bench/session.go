package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Scenario is a workload. Run makes one run of it, with connections of its own.
type Scenario interface {
	Run(ctx context.Context, t Target) (Result, error)
}

// Repeat runs a scenario several times and returns the medians.
func Repeat(ctx context.Context, s Scenario, t Target, runs int) (Result, error) {
	results := make([]Result, 0, runs)
	for i := range max(runs, 1) {
		r, err := s.Run(ctx, t)
		if err != nil {
			return Result{}, fmt.Errorf("run %d: %w", i+1, err)
		}
		results = append(results, r)
	}
	return Median(results), nil
}

// session is what a run needs from beginning to end.
type session struct {
	loop   *loop
	target Target
	result Result
}

// spareFiles is what a client needs besides its sockets.
const spareFiles = 100

// newSession starts a run with a number of sockets. The caller calls end.
func newSession(name string, t Target, sockets int) (*session, error) {
	t, err := t.resolve()
	if err != nil {
		return nil, err
	}
	l, err := startLoop()
	if err != nil {
		return nil, err
	}
	if allowed := filesAllowed(); sockets+spareFiles > allowed {
		l.stop()
		return nil, fmt.Errorf("%d sockets are more than the %d files this process may open allow; raise ulimit -n", sockets, allowed)
	}
	return &session{loop: l, target: t, result: Result{Scenario: name, Host: t.Host}}, nil
}

func (s *session) end() { s.loop.stop() }

// patience is how long the last deliveries may take before they are lost.
const patience = 10 * time.Second

// drive runs a load: warm-up, then what is measured. The meter of the measured
// part covers the time until the last delivery.
func (s *session) drive(ctx context.Context, d *load, warmup, duration time.Duration) (metered, error) {
	s.loop.add(d)
	d.start()
	if err := s.loop.pause(ctx, warmup); err != nil {
		return metered{}, err
	}
	m, err := startMeter(s.target.PID)
	if err != nil {
		return metered{}, err
	}
	d.measure()
	err = s.loop.pause(ctx, duration)
	if err == nil {
		err = d.finish(ctx, patience)
	}
	seen, meterErr := m.end()
	if err == nil {
		err = meterErr
	}
	return seen, err
}

// deliveries adds what a ledger booked.
func (s *session) deliveries(b *ledger, f *fleet, own func(c *conn) int) {
	s.loop.do(func() {
		if int(b.from) < len(b.due) && b.measured > 0 {
			elapsed := time.Duration(b.lastArrival - b.due[b.from])
			s.result.add("deliveries", "/s", float64(b.measured)/elapsed.Seconds())
		}
		s.result.latency("latency", b.latency)
		s.result.add("lost", "", float64(f.missing(own)))
		s.result.add("duplicated", "", float64(b.duplicated))
		s.result.add("reordered", "", float64(b.reordered+b.strange))
		s.result.add("sockets closed by the server", "", float64(f.lost))
		s.result.Problems = append(s.result.Problems, f.problems.list(5)...)
	})
}

// calls adds how a load went at the sender's end.
func (s *session) calls(d *load, m metered) {
	s.loop.do(func() {
		s.result.add("events", "/s", float64(d.answers.TotalCount())/m.Elapsed.Seconds())
		s.result.latency("answered", d.answers)
		if d.rate > 0 {
			s.result.add("sent late p99", "ms", float64(d.late.ValueAtQuantile(99))/1000)
		}
		s.result.add("refused", "", float64(d.refused))
		if d.stalls > 0 {
			s.result.add("deliveries given up on", "", float64(d.stalls))
		}
		s.result.Problems = append(s.result.Problems, d.problems.list(5)...)
	})
}

// names returns n channel names.
func names(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = prefix + strconv.Itoa(i)
	}
	return list
}

// noStream says that no stream is a socket's own.
func noStream(*conn) int { return -1 }
