package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"
)

// Scenario is a workload. Run runs it once, with connections of its own.
type Scenario interface {
	Run(ctx context.Context, t Target) (report.Result, error)
}

// Repeat runs a scenario several times and returns the medians.
func Repeat(ctx context.Context, s Scenario, t Target, runs int) (report.Result, error) {
	results := make([]report.Result, 0, runs)
	for i := range max(runs, 1) {
		r, err := s.Run(ctx, t)
		if err != nil {
			return report.Result{}, fmt.Errorf("run %d: %w", i+1, err)
		}
		results = append(results, r)
	}
	return report.Median(results), nil
}

// session holds the resources of a run.
type session struct {
	loop   *client.Loop
	target Target
	result report.Result
}

// spareFiles is the number of files that a client needs in addition to its sockets.
const spareFiles = 100

// newSession starts a run with a number of sockets. The caller calls end.
func newSession(name string, t Target, sockets int) (*session, error) {
	t, err := t.resolve()
	if err != nil {
		return nil, err
	}
	l, err := client.StartLoop()
	if err != nil {
		return nil, err
	}
	if allowed := client.FilesAllowed(); sockets+spareFiles > allowed {
		l.Stop()
		return nil, fmt.Errorf("%d sockets are more than the %d files this process may open allow; raise ulimit -n", sockets, allowed)
	}
	if t.TLS != nil {
		l.Secure(t.TLS)
	}
	return &session{loop: l, target: t, result: report.Result{Scenario: name, Host: t.Host, Settings: t.settings()}}, nil
}

func (s *session) end() { s.loop.Stop() }

// patience is how long the last deliveries may take before they are lost.
const patience = 10 * time.Second

// drive runs a load: the warm-up, then the measured part. The meter covers the
// measured part, up to the last delivery.
func (s *session) drive(ctx context.Context, d *load, warmup, duration time.Duration) (metered, error) {
	s.loop.Add(d)
	d.start()
	if err := s.loop.Pause(ctx, warmup); err != nil {
		return metered{}, err
	}
	m, err := startMeter(s.target.PID)
	if err != nil {
		return metered{}, err
	}
	d.measure()
	err = s.loop.Pause(ctx, duration)
	if err == nil {
		err = d.finish(ctx, patience)
	}
	seen, meterErr := m.end()
	if err == nil {
		err = meterErr
	}
	return seen, err
}

// deliveries adds the counts and latencies of a ledger.
func (s *session) deliveries(b *ledger, f *fleet, own func(c *client.Conn) int) {
	s.loop.Do(func() {
		if int(b.from) < len(b.due) && b.measured > 0 {
			elapsed := time.Duration(b.lastArrival - b.due[b.from])
			s.result.Add("deliveries", "/s", float64(b.measured)/elapsed.Seconds())
		}
		s.result.Latency("latency", b.latency)
		s.result.Add("lost", "", float64(f.missing(own)))
		s.result.Add("duplicated", "", float64(b.duplicated))
		s.result.Add("reordered", "", float64(b.reordered+b.strange))
		s.result.Add("sockets closed by the server", "", float64(f.lost))
		s.result.Problems = append(s.result.Problems, f.problems.list(5)...)
	})
}

// calls adds the sender's results of a load.
func (s *session) calls(d *load, m metered) {
	s.loop.Do(func() {
		s.result.Add("events", "/s", float64(d.answers.TotalCount())/m.Elapsed.Seconds())
		s.result.Latency("answered", d.answers)
		if d.rate > 0 {
			s.result.Add("sent late p99", "ms", float64(d.late.ValueAtQuantile(99))/1000)
		}
		s.result.Add("refused", "", float64(d.refused))
		if d.stalls > 0 {
			s.result.Add("deliveries given up on", "", float64(d.stalls))
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

// noStream is used where sockets do not send events themselves.
func noStream(*client.Conn) int { return -1 }
