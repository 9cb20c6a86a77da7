package bench

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"fanfare/bench/report"
)

// Cluster measures the figures of a cluster of fanfare nodes
// (docs/performance-cluster.md), with all processes on this machine: it starts the
// nodes, and a redis-server unless Redis names one.
type Cluster struct {
	Quick bool     // small and short, to check that it works
	Parts []string // names of ClusterParts to measure; empty means all
	Redis string   // address of a server; "" starts one
	Rate  float64  // events a second to send over two nodes
	Joins int      // members that join at once
	Nodes int      // of the cluster with many nodes
	Each  int      // sockets of each of its nodes
	// Rounds is how often figures are measured that are compared with others; the
	// medians are reported.
	Rounds int

	Server   func(args ...string) (*exec.Cmd, error) // creates a server's command from the arguments after "serve"
	Crowd    func(args ...string) (*exec.Cmd, error) // creates the command of a process that runs ServeCrowd
	Alone    func(args ...string) (*exec.Cmd, error) // creates the command of the process that keeps a Redis busy: startAlone
	Progress io.Writer                               // receives a line for each measured part
}

// ClusterParts returns the names of the parts of Cluster, in order.
func ClusterParts() []string { return []string{"latency", "rate", "plain", "joins", "many"} }

// Run measures the parts. It returns the results and the figures computed from
// them.
func (w Cluster) Run(ctx context.Context) ([]report.Result, []report.Figure, error) {
	t := &clusterTable{Cluster: w, warmup: time.Second, measure: 5 * time.Second, hold: 20 * time.Second}
	if w.Quick {
		t.warmup, t.measure, t.hold = 200*time.Millisecond, 500*time.Millisecond, time.Second
	}
	parts := map[string]func(context.Context) error{"latency": t.latency, "rate": t.rate, "plain": t.plain, "joins": t.joins, "many": t.many}
	for _, name := range w.Parts {
		if parts[name] == nil {
			return nil, nil, fmt.Errorf("unknown part %q; the parts are %s", name, strings.Join(ClusterParts(), ", "))
		}
	}
	for _, name := range ClusterParts() {
		if len(w.Parts) > 0 && !slices.Contains(w.Parts, name) {
			continue
		}
		if err := parts[name](ctx); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return t.results, t.figures, nil
}

// clusterTable is the state of a measurement.
type clusterTable struct {
	Cluster
	warmup, measure time.Duration
	hold            time.Duration // time for which an idle cluster is observed
	results         []report.Result
	figures         []report.Figure
}

func (t *clusterTable) add(name, target string, met bool, format string, args ...any) {
	if t.Quick {
		target, met = "", true // says nothing at this size
	}
	t.figures = append(t.figures, report.Figure{Name: name, Target: target, Measured: fmt.Sprintf(format, args...), Met: met})
}

func (t *clusterTable) say(format string, args ...any) error {
	_, err := fmt.Fprintf(t.Progress, format+"\n", args...)
	return err
}

// town starts a cluster of n nodes.
func (t *clusterTable) town(ctx context.Context, n int) (*town, error) {
	return startTown(ctx, t.Server, t.Redis, n, 2*time.Minute)
}

// keep keeps the runs of one thing and returns their median.
func (t *clusterTable) keep(runs []report.Result) report.Result {
	r := report.Median(runs)
	t.results = append(t.results, r)
	return r
}

// paired returns the median, over rounds, of the difference of a metric between two
// series: more minus less.
func paired(name string, less, more []report.Result) float64 {
	var list []float64
	for i := range more {
		list = append(list, more[i].Value(name)-less[i].Value(name))
	}
	return report.MedianOf(list)
}
