package bench

import (
	"context"
	"time"

	"fanfare/bench/report"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Churn lets a crowd join and disconnect repeatedly, while a few events a second
// are sent to a quiet channel: it measures how that channel is affected.
type Churn struct {
	Sockets  int
	Channels int // that the crowd is spread over
	Waves    int
	Rate     float64       // events a second of the quiet channel
	After    time.Duration // how long the quiet channel is measured after a crowd has disconnected
}

// Run implements Scenario.
func (w Churn) Run(ctx context.Context, t Target) (report.Result, error) {
	s, err := newSession("churn", t, w.Sockets+1)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sockets", "%d", w.Sockets)
	s.result.Set("channels", "%d", w.Channels)
	s.result.Set("waves", "%d", w.Waves)
	s.result.Set("quiet channel", "%s", loadName(w.Rate))

	const callers = 4
	quiet := newFleet(s.loop, s.target, names("bench-quiet-", 1))
	quiet.ledger = newLedger(1, 1, callers)
	if err := quiet.open(ctx, 1); err != nil {
		return report.Result{}, err
	}
	d := newLoad(s.loop, quiet.ledger, w.Rate, 1)
	d.live = func(channel int) int64 { return quiet.live[channel] }
	newTriggers(d, s.target, quiet.names, 100, callers)
	s.loop.Add(d)
	d.start()
	d.measure()

	m, err := startMeter(t.PID)
	if err != nil {
		return report.Result{}, err
	}
	c := crowds{session: s, quiet: d, joining: newHistogram(), whileJoining: newWatch(), whileVanishing: newWatch()}
	for range w.Waves {
		if err = c.wave(ctx, w); err != nil {
			break
		}
	}
	if err == nil {
		err = d.finish(ctx, patience)
	}
	seen, meterErr := m.end()
	if err != nil {
		return report.Result{}, err
	}
	if meterErr != nil {
		return report.Result{}, meterErr
	}
	c.report(quiet)
	addUsage(&s.result, seen, 0)
	return s.result, nil
}

// crowds is the result of the waves of a churn.
type crowds struct {
	session        *session
	quiet          *load
	joining        *hdrhistogram.Histogram // dial to subscribed
	rates          []float64               // subscribed a second, by wave
	empty          []float64               // milliseconds until the channels were, by wave
	whileJoining   watch
	whileVanishing watch
}

// watch is what was measured on the quiet channel in one phase.
type watch struct{ delivered, answered *hdrhistogram.Histogram }

func newWatch() watch { return watch{newHistogram(), newHistogram()} }

// seen moves what was measured on the quiet channel since the last call to a watch.
func (c *crowds) seen(w watch) {
	c.session.loop.Do(func() {
		w.delivered.Merge(c.quiet.ledger.latency)
		w.answered.Merge(c.quiet.answers)
		c.quiet.ledger.latency.Reset()
		c.quiet.answers.Reset()
	})
}

func (c *crowds) wave(ctx context.Context, w Churn) error {
	s := c.session
	crowd := newFleet(s.loop, s.target, names("bench-crowd-", w.Channels))
	c.seen(newWatch())
	began := time.Now()
	if err := crowd.open(ctx, w.Sockets); err != nil {
		return err
	}
	c.rates = append(c.rates, float64(w.Sockets)/time.Since(began).Seconds())
	c.seen(c.whileJoining)
	s.loop.Do(func() { c.joining.Merge(crowd.joining) })

	began = time.Now()
	crowd.vanish()
	q := newInquirer(s.loop, s.target)
	for _, name := range crowd.names {
		if err := q.vacated(ctx, name, time.Minute); err != nil {
			return err
		}
	}
	c.empty = append(c.empty, float64(time.Since(began).Microseconds())/1000)
	if err := s.loop.Pause(ctx, max(0, w.After-time.Since(began))); err != nil {
		return err
	}
	c.seen(c.whileVanishing)
	return nil
}

func (c *crowds) report(quiet *fleet) {
	r := &c.session.result
	r.Add("connected and subscribed", "/s", report.MedianOf(c.rates))
	r.Latency("dial to subscribed", c.joining)
	r.Add("channels empty after", "ms", report.MedianOf(c.empty))
	r.Latency("quiet channel, others joining", c.whileJoining.delivered)
	r.Latency("quiet channel, others vanishing", c.whileVanishing.delivered)
	r.Latency("answered, others joining", c.whileJoining.answered)
	r.Latency("answered, others vanishing", c.whileVanishing.answered)
	c.session.loop.Do(func() {
		r.Add("lost", "", float64(quiet.missing(noStream)))
		r.Add("duplicated", "", float64(quiet.ledger.duplicated))
		r.Add("reordered", "", float64(quiet.ledger.reordered))
		r.Add("refused", "", float64(c.quiet.refused))
		r.Problems = append(c.quiet.problems.list(5), quiet.problems.list(5)...)
	})
}
