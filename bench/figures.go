package bench

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"

	"fanfare/bench/report"
)

// Figures measures the figures of docs/performance.md, each on a new server.
type Figures struct {
	Quick    bool                                    // small and short, to check that it works
	Server   func(args ...string) (*exec.Cmd, error) // creates a server's command from the arguments after "serve"
	Bare     func(args ...string) (*exec.Cmd, error) // creates the command of the process of the bare loop
	Progress io.Writer                               // receives a line for each measured part
}

// sizes is how many sockets, and for how long, are measured.
type sizes struct {
	idle, wide, room, never int           // sockets
	slow                    int           // sockets that connect one after another
	settle, warmup, measure time.Duration // long
	flood                   time.Duration // time for which sockets that never read are sent events
	rounds                  int
	// pairs is the number of rounds of a figure that compares two latencies: a p99
	// varies by a third between runs, and the figure is about a difference of a
	// fifth.
	pairs int
}

func (w Figures) sizes() sizes {
	if w.Quick {
		return sizes{idle: 200, slow: 50, wide: 200, room: 90, never: 2, settle: 200 * time.Millisecond, warmup: 200 * time.Millisecond, measure: 500 * time.Millisecond, flood: time.Second, rounds: 1, pairs: 1}
	}
	return sizes{idle: 18000, slow: 800, wide: 10000, room: 1000, never: 10, settle: 10 * time.Second, warmup: time.Second, measure: 5 * time.Second, flood: 12 * time.Second, rounds: 3, pairs: 7}
}

// Run measures everything. It returns the results and the figures computed from
// them.
func (w Figures) Run(ctx context.Context) ([]report.Result, []report.Figure, error) {
	t := &table{Figures: w, sizes: w.sizes()}
	for _, part := range []func(context.Context) error{t.memory, t.shares, t.against, t.rates, t.neverReading, t.deafEndpoints} {
		if err := part(ctx); err != nil {
			return nil, nil, err
		}
	}
	t.neighbours()
	return t.results, t.figures, nil
}

// table is the state of a measurement.
type table struct {
	Figures
	sizes
	results []report.Result
	figures []report.Figure
}

func (t *table) add(name, target string, met bool, format string, args ...any) {
	if t.Quick {
		target, met = "", true // says nothing at this size
	}
	t.figures = append(t.figures, report.Figure{Name: name, Target: target, Measured: fmt.Sprintf(format, args...), Met: met})
}

// variant is a scenario on a server of its own; app are further lines of YAML for
// its only app.
type variant struct {
	Scenario
	app string
}

// measureRuns runs variants alternately, round by round, so that changes of the
// machine's speed affect all alike. It returns the runs of each.
func (t *table) measureRuns(ctx context.Context, what string, rounds int, variants ...variant) ([][]report.Result, error) {
	runs := make([][]report.Result, len(variants))
	for round := range rounds {
		for i, v := range variants {
			if _, err := fmt.Fprintf(t.Progress, "%s: round %d of %d, part %d of %d\n", what, round+1, rounds, i+1, len(variants)); err != nil {
				return nil, err
			}
			r, err := t.measureRun(ctx, v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
			runs[i] = append(runs[i], r)
		}
	}
	for _, r := range runs {
		t.results = append(t.results, report.Median(r))
	}
	return runs, nil
}

func (t *table) measureRun(ctx context.Context, v variant) (report.Result, error) {
	server, err := startServer(ctx, t.Server, v.app, "")
	if err != nil {
		return report.Result{}, err
	}
	defer server.stop()
	return v.Run(ctx, server.target)
}

// change returns the median, over rounds, of the relative difference of a metric
// between two variants: 0.2 means 20 % more with than without.
func change(name string, without, with []report.Result) float64 {
	var list []float64
	for i := range with {
		list = append(list, with[i].Value(name)/without[i].Value(name)-1)
	}
	return report.MedianOf(list)
}

// memory is figure a.
func (t *table) memory(ctx context.Context) error {
	for _, channels := range []int{1, t.idle} {
		w := Idle{Sockets: t.idle, Channels: channels, Settle: t.settle, Hold: t.settle}
		runs, err := t.measureRuns(ctx, "idle sockets", 1, variant{Scenario: w})
		if err != nil {
			return err
		}
		r := report.Median(runs[0])
		bytes := r.Value("memory per socket")
		if channels == 1 {
			t.add(fmt.Sprintf("memory of an idle socket, %s on one channel", report.Grouped(int64(t.idle))), "≤ 2,048 B", bytes <= 2048, "%s B", report.Grouped(int64(bytes)))
		} else {
			t.add("the same, each on a channel of its own", "", true, "%s B", report.Grouped(int64(bytes)))
		}
		t.add("connected and subscribed meanwhile", "", true, "%s/s", report.Number(r.Value("connected and subscribed")))
	}
	return nil
}

// shares measures how evenly sockets that connect one by one are spread over the
// event loops: the kernel alone would assign nearly all to the same loop.
func (t *table) shares(ctx context.Context) error {
	const rate = 200
	w := Idle{Sockets: t.slow, Channels: 1, OpenRate: rate, Settle: time.Millisecond, Hold: time.Millisecond}
	runs, err := t.measureRuns(ctx, "sockets one by one", 1, variant{Scenario: w})
	if err != nil {
		return err
	}
	r := report.Median(runs[0])
	above, below := r.Value("fullest loop above the mean"), r.Value("emptiest loop below the mean")
	t.add(fmt.Sprintf("%s sockets that come every %d ms, shares of %.0f event loops", report.Grouped(int64(t.slow)), 1000/rate, r.Value("event loops")),
		"within 10 % of the mean", max(above, below) <= 10, "%.1f %% below to %.1f %% above the mean", below, above)
	return nil
}

// against is figure b.
func (t *table) against(ctx context.Context) error {
	bare := func(threads int) variant {
		return variant{Scenario: Bare{Sockets: t.wide, Size: 200, Threads: threads, Command: t.Bare, Warmup: t.warmup, Duration: t.measure}}
	}
	fanout := Fanout{Sockets: t.wide, Channels: 1, Size: 200, Callers: 1, Warmup: t.warmup, Duration: t.measure}
	runs, err := t.measureRuns(ctx, "one event at a time", t.rounds, bare(1), variant{Scenario: fanout}, bare(2))
	if err != nil {
		return err
	}
	rates := func(runs []report.Result) (rates []float64) {
		for i := range runs {
			rates = append(rates, runs[i].Value("deliveries"))
		}
		return rates
	}
	one, ours, two := rates(runs[0]), rates(runs[1]), rates(runs[2])
	ratios := func(to []float64) (list []float64) { // round by round
		for i := range to {
			list = append(list, ours[i]/to[i])
		}
		return list
	}
	all := report.Median(runs[1])
	t.add(fmt.Sprintf("one event at a time to %s sockets", report.Grouped(int64(t.wide))), "", clean(all), "%s deliveries/s, %s", report.Number(report.MedianOf(ours)), losses(all))
	t.add("a bare write(2) loop over as many sockets", "", true, "%s/s", report.Number(report.MedianOf(one)))
	t.add("ratio, median of the rounds", "≥ 85 %", report.MedianOf(ratios(one)) >= 0.85, "%.0f %%", 100*report.MedianOf(ratios(one)))
	t.add("two bare loops, half of the sockets each", "", true, "%s/s, ratio %.0f %%", report.Number(report.MedianOf(two)), 100*report.MedianOf(ratios(two)))
	t.add("CPU for a million deliveries, server / bare loop", "", true, "%.1f s / %.1f s", all.Value("server CPU per million"), report.Median(runs[0]).Value("server CPU per million"))
	return nil
}

// rates is figure c.
func (t *table) rates(ctx context.Context) error {
	for _, rate := range []float64{200, 1000} {
		w := Fanout{Sockets: t.room, Channels: 1, Size: 200, Rate: rate, Callers: 16, Warmup: t.warmup, Duration: t.measure}
		runs, err := t.measureRuns(ctx, fmt.Sprintf("%.0f events/s", rate), t.rounds, variant{Scenario: w})
		if err != nil {
			return err
		}
		r := report.Median(runs[0])
		p50, p99 := r.Value("latency p50"), r.Value("latency p99")
		t.add(fmt.Sprintf("%s sockets × %s events/s", report.Grouped(int64(t.room)), report.Number(rate)), "nothing lost, p99 < 50 ms", clean(r) && p99 < 50,
			"%s, p50 %.1f ms, p99 %.1f ms, %.1f CPU-s per million", losses(r), p50, p99, r.Value("server CPU per million"))
	}
	return nil
}

// neverReading is figure d.
func (t *table) neverReading(ctx context.Context) error {
	// Long enough for them to fill first the kernel's buffers, 4 MB, then their queues.
	without := Fanout{Sockets: t.room - t.never, Channels: 1, Size: 5000, Rate: 100, Callers: 16, Warmup: t.warmup, Duration: t.flood}
	with := without
	with.NeverRead = t.never
	runs, err := t.measureRuns(ctx, "sockets that never read", t.pairs, variant{Scenario: without}, variant{Scenario: with})
	if err != nil {
		return err
	}
	a, b := report.Median(runs[0]), report.Median(runs[1])
	more := change("latency p99", runs[0], runs[1])
	t.add(fmt.Sprintf("%d of %s sockets never read, 5 KB × 100 events/s", t.never, report.Grouped(int64(t.room))), "others' p99 within 20 %", more < 0.2 && clean(b),
		"p99 %.1f ms, without them %.1f ms (%+.0f %%), %s, %.0f cut off", b.Value("latency p99"), a.Value("latency p99"), 100*more, losses(b), b.Value("never reading and cut off"))
	// Each may use its queue, 1 MiB by default, and as much in garbage.
	bound := 2 * 1.05 * float64(t.never)
	memory := b.Value("server memory peak") - a.Value("server memory peak")
	t.add("server memory meanwhile", fmt.Sprintf("≤ %.0f MB more", bound), memory <= bound, "peak %.0f MB, without them %.0f MB", b.Value("server memory peak"), a.Value("server memory peak"))
	return nil
}

// deafEndpoints is figure e: every client event is sent to webhook endpoints that
// refuse, hang and reset.
func (t *table) deafEndpoints(ctx context.Context) error {
	endpoints, err := startEndpoints()
	if err != nil {
		return err
	}
	defer endpoints.stop()
	w := ClientEvents{Sockets: t.room, Room: 10, Size: 200, Rate: 1000, Warmup: t.warmup, Duration: t.measure}
	runs, err := t.measureRuns(ctx, "webhook endpoints that are down", t.pairs, variant{Scenario: w}, variant{w, endpoints.config()})
	if err != nil {
		return err
	}
	a, b := report.Median(runs[0]), report.Median(runs[1])
	more := change("latency p99", runs[0], runs[1])
	t.add("1,000 client events/s, each for three webhook endpoints that are down", "sockets' p99 within 20 %", more < 0.2 && clean(b),
		"p50 %.2f ms, p99 %.2f ms; without webhooks %.2f ms, %.2f ms (%+.0f %%), %s", b.Value("latency p50"), b.Value("latency p99"),
		a.Value("latency p50"), a.Value("latency p99"), 100*more, losses(b))
	t.add("requests that the endpoints got meanwhile", "", true, "%d", endpoints.requests.Load())
	return nil
}

// neighbours records whether other processes used the machine.
func (t *table) neighbours() {
	most := 0.0
	for _, r := range t.results {
		most = max(most, r.Value(othersCPU))
	}
	t.add("other processes meanwhile, where they were busiest", "≤ 0.1 cores", most <= 0.1, "%.2f cores", most)
}

// clean reports whether every delivery arrived once and in order.
func clean(r report.Result) bool {
	return r.Value("lost")+r.Value("duplicated")+r.Value("reordered")+r.Value("refused")+r.Value("sockets closed by the server") == 0
}

func losses(r report.Result) string {
	if clean(r) {
		return "nothing lost"
	}
	return fmt.Sprintf("%.0f lost, %.0f duplicated, %.0f reordered, %.0f refused, %.0f sockets closed", r.Value("lost"), r.Value("duplicated"),
		r.Value("reordered"), r.Value("refused"), r.Value("sockets closed by the server"))
}
