package bench

import (
	"context"
	"fmt"
	"time"

	"fanfare/bench/report"
)

// Sweep runs a fan-out at increasing rates, to find where a server stops keeping
// up.
type Sweep struct {
	Fanout
	Rates []float64 // events a second
	Runs  int       // runs at each rate
	// Rest is a pause between runs for the server and the machine.
	Rest time.Duration
}

// Run measures each rate. It continues after a rate that the server could not
// sustain, to show how it fails.
func (w Sweep) Run(ctx context.Context, t Target) ([]report.Result, error) {
	var results []report.Result
	for i, rate := range w.Rates {
		if i > 0 {
			select {
			case <-time.After(w.Rest):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		f := w.Fanout
		f.Rate = rate
		r, err := Repeat(ctx, f, t, w.Runs)
		if err != nil {
			return nil, fmt.Errorf("%v events/s: %w", rate, err)
		}
		r.Add(loadDue, "/s", rate*float64(f.Sockets)/float64(f.Channels))
		results = append(results, r)
	}
	return results, nil
}

// loadDue is the metric on the x axis of a plot.
const loadDue = "deliveries due"

// SeriesOf returns a sweep's results as a line of a plot.
func SeriesOf(name string, results []report.Result) report.Series {
	s := report.Series{Name: name}
	for _, r := range results {
		s.Points = append(s.Points, report.Point{Load: r.Value(loadDue), P50: r.Value("latency p50"), P99: r.Value("latency p99")})
	}
	return s
}
