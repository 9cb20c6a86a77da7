package bench

import (
	"context"
	"fmt"

	"fanfare/bench/client"
	"fanfare/bench/report"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// hop measures one event at a time: it is published on the first server, and
// received by a subscriber on each.
type hop struct {
	name    string
	targets []Target
	bill    *town // whose costs are measured; nil if they are not
}

// latency measures the latency of events across nodes, and of client events within
// a node of a cluster.
func (t *clusterTable) latency(ctx context.Context) error {
	alone, err := startServer(ctx, t.Server, "", "")
	if err != nil {
		return err
	}
	defer alone.stop()
	if alone.target, err = alone.target.resolve(); err != nil {
		return err
	}
	town, err := t.town(ctx, 2)
	if err != nil {
		return err
	}
	defer town.stop()
	hops := []hop{{"event, a server on its own", []Target{alone.target}, nil}, {"event, a cluster", town.targets(), town}}
	within := ClientEvents{Sockets: 100, Room: 10, Size: 200, Rate: 1000, Warmup: t.warmup, Duration: t.measure}
	events := make([][]report.Result, len(hops))
	chats := make([][]report.Result, len(hops))
	for round := range t.Rounds {
		if err := t.say("latency: round %d of %d", round+1, t.Rounds); err != nil {
			return err
		}
		for i, h := range hops {
			r, err := t.hop(ctx, h)
			if err != nil {
				return err
			}
			events[i] = append(events[i], r)
			if r, err = within.Run(ctx, h.targets[0]); err != nil {
				return err
			}
			r.Scenario = fmt.Sprintf("client %s", h.name)
			chats[i] = append(chats[i], r)
		}
	}
	a, b := t.keep(events[0]), t.keep(events[1])
	t.add("one event at a time, a server on its own", "", clean(a), "p50 %.3f ms, p99 %.2f ms, %s", a.Value("node 1 p50"), a.Value("node 1 p99"), losses(a))
	t.add("the same on one node of two", "", clean(b), "p50 %.3f ms, p99 %.2f ms, %s", b.Value("node 1 p50"), b.Value("node 1 p99"), losses(b))
	more := paired("node 1 p50", events[0], rename(events[1], "node 2 p50", "node 1 p50"))
	t.add("published there, received on the other", "≤ 2 ms more than on a server on its own, p50", more <= 2, "p50 %.3f ms, p99 %.2f ms; %+.3f ms", b.Value("node 2 p50"), b.Value("node 2 p99"), more)
	c, d := t.keep(chats[0]), t.keep(chats[1])
	slower := change("latency p50", chats[0], chats[1])
	t.add("1,000 client events/s within a node of two", "p50 within 20 %", slower < 0.2 && clean(d), "p50 %.3f ms, p99 %.2f ms; on its own %.3f ms, %.2f ms (%+.0f %%), %s",
		d.Value("latency p50"), d.Value("latency p99"), c.Value("latency p50"), c.Value("latency p99"), 100*slower, losses(d))
	t.add("CPU of the node for a million of their deliveries", "", true, "%.1f s; on its own %.1f s", d.Value("server CPU per million"), c.Value("server CPU per million"))
	return nil
}

// rename returns runs with one metric renamed.
func rename(runs []report.Result, from, to string) (named []report.Result) {
	for _, r := range runs {
		var n report.Result
		n.Add(to, "", r.Value(from))
		named = append(named, n)
	}
	return named
}

func (t *clusterTable) hop(ctx context.Context, h hop) (report.Result, error) {
	s, err := newSession(h.name, h.targets[0], len(h.targets))
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	const size = 200
	s.result.Set("data", "%d bytes", size)
	s.result.Set("load", "%s", loadName(0))
	f := newFleet(s.loop, s.target, names("bench-hop-", 1))
	f.hosts = addresses(h.targets)
	f.ledger = newLedger(len(h.targets), 1, 1)
	at := make([]*hdrhistogram.Histogram, len(h.targets))
	for i := range at {
		at[i] = newHistogram()
	}
	f.onEvent = func(c *client.Conn, stamp stamp) {
		if l := f.ledger; stamp.event >= l.from && stamp.event < l.to {
			record(at[f.hostOf(int(c.Index))], s.loop.Now()-l.due[stamp.event])
		}
	}
	if err := f.open(ctx, len(h.targets)); err != nil {
		return report.Result{}, err
	}
	d := newLoad(s.loop, f.ledger, 0, 1)
	d.live = func(channel int) int64 { return f.live[channel] }
	newTriggers(d, s.target, f.names, size, 1)
	var spent bill
	if h.bill != nil {
		spent, err = h.bill.drive(ctx, s, d, t.warmup, t.measure)
	} else {
		_, err = s.drive(ctx, d, t.warmup, t.measure)
	}
	if err != nil {
		return report.Result{}, err
	}
	s.loop.Do(func() {
		for i := range at {
			s.result.Latency(fmt.Sprintf("node %d", i+1), at[i])
		}
	})
	s.deliveries(f.ledger, f, noStream)
	s.loop.Do(func() { s.result.Add("refused", "", float64(d.refused)) })
	if h.bill != nil {
		spent.add(&s.result, spent.ops, "an event")
	}
	return s.result, nil
}
