package bench

import (
	"context"
	"time"
)

// Idle connects and subscribes sockets, then leaves them alone: how fast that
// goes, and what an idle socket costs.
type Idle struct {
	Sockets  int
	Channels int           // the sockets are spread over
	Settle   time.Duration // until memory is read for good
	Hold     time.Duration // over which processor time is read
	Ping     time.Duration // between two pings of a socket meanwhile, 0 for none
}

// Run implements Scenario.
func (w Idle) Run(ctx context.Context, t Target) (Result, error) {
	s, err := newSession("idle", t, w.Sockets)
	if err != nil {
		return Result{}, err
	}
	defer s.end()
	s.result.set("sockets", "%d", w.Sockets)
	s.result.set("channels", "%d", w.Channels)

	f := newFleet(s.loop, s.target, names("bench-idle-", w.Channels))
	joining, err := startMeter(t.PID)
	if err != nil {
		return Result{}, err
	}
	err = f.open(ctx, w.Sockets)
	joined, meterErr := joining.end()
	if err != nil {
		return Result{}, err
	}
	if meterErr != nil {
		return Result{}, meterErr
	}
	s.result.add("connected and subscribed", "/s", float64(w.Sockets)/joined.Elapsed.Seconds())
	s.loop.do(func() { s.result.latency("dial to subscribed", f.joining) })
	if joined.HasProcess {
		s.result.add("server CPU per socket opened", "µs", joined.CPU.Seconds()*1e6/float64(w.Sockets))
		s.result.add("server memory before", "MB", megabytes(joined.Before))
		s.result.add("memory per socket at once", "B", perSocket(joined.Before, joined.RSS, w.Sockets))
	}

	if err := s.loop.pause(ctx, w.Settle); err != nil {
		return Result{}, err
	}
	holding, err := startMeter(t.PID)
	if err != nil {
		return Result{}, err
	}
	var pings *pinger
	if w.Ping > 0 {
		s.result.set("ping every", "%v", w.Ping)
		s.loop.do(func() { pings = newPinger(f, int64(w.Ping)) })
		s.loop.add(pings)
	}
	err = s.loop.pause(ctx, w.Hold)
	held, meterErr := holding.end()
	if err != nil {
		return Result{}, err
	}
	if meterErr != nil {
		return Result{}, meterErr
	}
	if held.HasProcess {
		s.result.add("memory per socket", "B", perSocket(joined.Before, held.RSS, w.Sockets))
	}
	s.result.usage(held, 0)
	s.loop.do(func() {
		if pings != nil {
			s.result.add("pings answered", "/s", float64(pings.answered)/held.Elapsed.Seconds())
		}
		s.result.add("sockets closed by the server", "", float64(f.lost))
		s.result.Problems = f.problems.list(5)
	})
	return s.result, nil
}

func perSocket(before, after int64, sockets int) float64 {
	return float64(after-before) / float64(sockets)
}
