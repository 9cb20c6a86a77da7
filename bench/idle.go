package bench

import (
	"context"
	"time"

	"fanfare/bench/report"
)

// Idle connects and subscribes sockets, then leaves them alone: how fast that
// goes, and what an idle socket costs.
type Idle struct {
	Sockets  int
	Channels int           // the sockets are spread over
	OpenRate float64       // sockets that are opened a second, 0 for as many as can be
	Settle   time.Duration // until memory is read for good
	Hold     time.Duration // over which processor time is read
	Ping     time.Duration // between two pings of a socket meanwhile, 0 for none
}

// Run implements Scenario.
func (w Idle) Run(ctx context.Context, t Target) (report.Result, error) {
	s, err := newSession("idle", t, w.Sockets)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sockets", "%d", w.Sockets)
	s.result.Set("channels", "%d", w.Channels)

	f := newFleet(s.loop, s.target, names("bench-idle-", w.Channels))
	joining, err := startMeter(t.PID)
	if err != nil {
		return report.Result{}, err
	}
	if w.OpenRate > 0 {
		s.result.Set("opened", "%g/s", w.OpenRate)
		err = f.openAt(ctx, w.Sockets, w.OpenRate)
	} else {
		err = f.open(ctx, w.Sockets)
	}
	joined, meterErr := joining.end()
	if err != nil {
		return report.Result{}, err
	}
	if meterErr != nil {
		return report.Result{}, meterErr
	}
	s.result.Add("connected and subscribed", "/s", float64(w.Sockets)/joined.Elapsed.Seconds())
	s.loop.Do(func() { s.result.Latency("dial to subscribed", f.joining) })
	if joined.HasProcess {
		s.result.Add("server CPU per socket opened", "µs", joined.CPU.Seconds()*1e6/float64(w.Sockets))
		s.result.Add("server memory before", "MB", report.Megabytes(joined.Before))
		s.result.Add("memory per socket at once", "B", perSocket(joined.Before, joined.RSS, w.Sockets))
	}

	if t.Metrics != "" {
		if err := addShares(ctx, &s.result, t.Metrics); err != nil {
			return report.Result{}, err
		}
	}
	if err := s.loop.Pause(ctx, w.Settle); err != nil {
		return report.Result{}, err
	}
	holding, err := startMeter(t.PID)
	if err != nil {
		return report.Result{}, err
	}
	var pings *pinger
	if w.Ping > 0 {
		s.result.Set("ping every", "%v", w.Ping)
		s.loop.Do(func() { pings = newPinger(f, int64(w.Ping)) })
		s.loop.Add(pings)
	}
	err = s.loop.Pause(ctx, w.Hold)
	held, meterErr := holding.end()
	if err != nil {
		return report.Result{}, err
	}
	if meterErr != nil {
		return report.Result{}, meterErr
	}
	if held.HasProcess {
		s.result.Add("memory per socket", "B", perSocket(joined.Before, held.RSS, w.Sockets))
	}
	addUsage(&s.result, held, 0)
	s.loop.Do(func() {
		if pings != nil {
			s.result.Add("pings answered", "/s", float64(pings.answered)/held.Elapsed.Seconds())
		}
		s.result.Add("sockets closed by the server", "", float64(f.lost))
		s.result.Problems = f.problems.list(5)
	})
	return s.result, nil
}

func perSocket(before, after int64, sockets int) float64 {
	return float64(after-before) / float64(sockets)
}
