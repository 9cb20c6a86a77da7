package bench

import (
	"context"
	"fmt"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// recoveryPrefix begins the names of the channels. Their history has to keep the
// missed events, and those until the last socket has recovered.
const recoveryPrefix = "bench-recovery-"

// Recovery closes all connections at once. Each socket misses some events and
// recovers them, while live events continue.
type Recovery struct {
	Sockets  int
	Channels int // that the sockets and events are spread over
	Missed   int // events of each channel while all sockets are disconnected
	Size     int // of an event's data, bytes
	Rate     float64
	Callers  int           // HTTP connections
	Warmup   time.Duration // before the cut
	After    time.Duration // how long events continue after all sockets are back
}

// Run implements Scenario. One further socket of each channel stays connected.
func (w Recovery) Run(ctx context.Context, t Target) (report.Result, error) {
	all := w.Sockets + w.Channels
	s, err := newSession("recovery", t, all)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sockets", "%d", w.Sockets)
	s.result.Set("channels", "%d", w.Channels)
	s.result.Set("missed", "%d events each", w.Missed)
	s.result.Set("data", "%d bytes", w.Size)
	s.result.Set("load", "%s", loadName(w.Rate))

	f := newFleet(s.loop, s.target, names(recoveryPrefix, w.Channels))
	f.ledger = newLedger(all, w.Channels, w.Callers)
	f.ledger.since = make([]int64, all)
	f.returns(all)
	if err := f.open(ctx, all); err != nil {
		return report.Result{}, err
	}
	if len(f.returning.places[0]) == 0 {
		return report.Result{}, fmt.Errorf("%s0 has no history: the app needs a rule for %q that keeps %d events or more", recoveryPrefix, recoveryPrefix+"*", w.Missed)
	}
	d := newLoad(s.loop, f.ledger, w.Rate, w.Channels)
	present := append([]int64(nil), f.live...) // disconnected sockets receive the event later
	d.live = func(channel int) int64 { return present[channel] }
	newTriggers(d, s.target, f.names, w.Size, w.Callers)
	g := &gap{Recovery: w, session: s, fleet: f, load: d, recovering: newHistogram()}
	if err := g.run(ctx); err != nil {
		return report.Result{}, err
	}
	g.report()
	return s.result, nil
}

// gap is a recovery in progress.
type gap struct {
	Recovery
	session    *session
	fleet      *fleet
	load       *load
	joined     time.Duration           // until all were subscribed again
	whole      int                     // sockets that have received what they missed
	recovering *hdrhistogram.Histogram // time from dialing to that
	seen       metered
}

func (g *gap) run(ctx context.Context) error {
	loop, d := g.session.loop, g.load
	loop.Add(d)
	d.start()
	if err := loop.Pause(ctx, g.Warmup); err != nil {
		return err
	}
	g.fleet.cut(g.Sockets)
	if err := g.miss(ctx); err != nil {
		return err
	}
	m, err := startMeter(g.session.target.PID)
	if err != nil {
		return err
	}
	d.start()
	d.measure()
	err = g.comeBack(ctx)
	if err == nil {
		err = loop.Pause(ctx, g.After)
	}
	if err == nil {
		err = d.finish(ctx, patience)
	}
	seen, meterErr := m.end()
	g.seen = seen
	if err == nil {
		err = meterErr
	}
	return err
}

// miss publishes the events that the disconnected sockets miss, as fast as
// possible.
func (g *gap) miss(ctx context.Context) error {
	d := g.load
	g.session.loop.Do(func() {
		d.rate, d.flood, d.limit = 0, true, d.issued+g.Missed*g.Channels
		clear(g.fleet.live)
	})
	d.start()
	err := g.session.loop.Until(ctx, allowance(g.Missed*g.Channels), "the events to be published", func() bool { return d.spent() && d.open == 0 || !d.running })
	g.session.loop.Do(func() {
		if err == nil && !d.running {
			err = fmt.Errorf("the server refuses events: %s", d.problems.first())
		}
		d.rate, d.flood, d.limit = g.Rate, false, 0
	})
	return err
}

// comeBack reconnects all sockets and waits until each has received what it missed.
func (g *gap) comeBack(ctx context.Context) error {
	f, began := g.fleet, time.Now()
	g.session.loop.Do(func() {
		due := make([]uint32, g.Channels) // events of a socket that has missed none
		for channel := range due {
			due[channel] = uint32(f.ledger.owed(channel, -1))
		}
		f.onEvent = func(c *client.Conn, _ stamp) {
			if p := f.peerOf(c); int(c.Index) < g.Sockets && p.got == due[f.channelOf(c)] {
				g.whole++
				record(g.recovering, f.loop.Now()-p.began)
			}
		}
		f.joining.Reset()
		f.comeBack(g.Sockets)
	})
	settled := func() bool { return f.pending == 0 && f.dialled >= f.want }
	if err := f.settle(ctx, allowance(g.Sockets), settled); err != nil {
		return err
	}
	g.joined = time.Since(began)
	// Missing events are counted as lost.
	err := g.session.loop.Until(ctx, patience, "what was missed", func() bool { return g.whole == g.Sockets || f.returning.refused > 0 })
	if ctx.Err() != nil {
		return err
	}
	return nil
}

func (g *gap) report() {
	s, f := g.session, g.fleet
	s.loop.Do(func() {
		r := &s.result
		r.Add("connected and subscribed", "/s", float64(g.Sockets)/g.joined.Seconds())
		r.Latency("dial to subscribed", f.joining)
		r.Latency("dial to recovered", g.recovering)
		r.Latency("live events", f.ledger.latency)
		r.Add("recoveries refused", "", float64(f.returning.refused))
		r.Add("lost", "", float64(f.missing(noStream)))
		r.Add("duplicated", "", float64(f.ledger.duplicated))
		r.Add("reordered", "", float64(f.ledger.reordered+f.ledger.strange))
		r.Add("sockets closed by the server", "", float64(f.lost))
		r.Problems = append(r.Problems, f.problems.list(5)...)
	})
	s.calls(g.load, g.seen)
	addUsage(&s.result, g.seen, 0)
}
