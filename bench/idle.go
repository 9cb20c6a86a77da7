package bench

import (
	"context"
	"crypto/tls"
	"time"

	"fanfare/bench/report"
)

// Idle connects and subscribes sockets, then leaves them idle: it measures the rate
// of connections, and the memory and processor time of an idle socket.
type Idle struct {
	Sockets  int
	Channels int           // that the sockets are spread over
	OpenRate float64       // connections opened a second; 0 means as many as possible
	Settle   time.Duration // wait before memory is read for the result
	Hold     time.Duration // time over which processor time is measured
	Ping     time.Duration // interval of a socket's pings during Hold; 0 means no pings
	Openers  int           // connections being opened at a time; 0 means the fastest number
	Via      string        // one of Transports; "" means WebSocket
	Resume   bool          // over TLS: each connection resumes one session, as browsers do
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
	if err := w.prepare(ctx, s, f); err != nil {
		return report.Result{}, err
	}
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
	s.loop.Do(func() {
		s.result.Latency("dial to subscribed", f.joining)
		if t.TLS != nil {
			s.result.Add("sessions resumed", "", float64(s.loop.Resumed()))
		}
	})
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
	s.loop.Do(func() { f.pings, f.pongs = 0, 0 })
	if w.Ping > 0 {
		s.result.Set("ping every", "%v", w.Ping)
		if s.target.dialect.ping() != nil { // otherwise the server pings, as configured
			s.loop.Add(newPinger(f, w.Ping))
		}
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
		if w.Ping > 0 {
			s.result.Add("pings answered", "/s", float64(f.pings+f.pongs)/held.Elapsed.Seconds())
		}
		s.result.Add("sockets closed by the server", "", float64(f.lost))
		s.result.Problems = f.problems.list(5)
	})
	return s.result, nil
}

// prepare prepares a fleet: its transport, and over TLS a session to resume.
func (w Idle) prepare(ctx context.Context, s *session, f *fleet) error {
	if w.Via != "" && w.Via != ViaWebSocket {
		s.result.Set("transport", "%s", w.Via)
	}
	if w.Openers > 0 {
		f.atOnce = w.Openers
	}
	if err := f.carry(w.Via, w.Sockets); err != nil || s.target.TLS == nil {
		return err
	}
	s.result.Set("resumed", "%t", w.Resume)
	if !w.Resume {
		return nil
	}
	t := s.target.TLS.Clone()
	t.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	s.loop.Secure(t)
	first := newFleet(s.loop, s.target, names("bench-first-", 1))
	return first.open(ctx, 1)
}

func perSocket(before, after int64, sockets int) float64 {
	return float64(after-before) / float64(sockets)
}
