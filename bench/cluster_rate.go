package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"fanfare/bench/report"
)

// flood sends events over two nodes to channels with one subscriber on each.
type flood struct {
	name  string
	rate  float64 // events a second; 0 is closed loop
	batch int     // events in one request
}

const (
	floodChannels = 200
	floodCallers  = 64 // of each node
	floodSize     = 100
)

// rate measures how many small events a second two nodes carry, and how many Redis
// alone can process in the same batches.
func (t *clusterTable) rate(ctx context.Context) error {
	due := report.Number(t.Rate)
	floods := []flood{
		{due + " events/s in batches of 10", t.Rate, 10},
		{due + " events/s one by one", t.Rate, 1},
		{"as many as can be, in batches of 10", 0, 10},
		{"as many as can be, one by one", 0, 1},
	}
	runs := make([][]report.Result, len(floods))
	var alone [2][]report.Result
	for round := range t.Rounds {
		for i, f := range floods {
			if err := t.say("rate: round %d of %d, %s", round+1, t.Rounds, f.name); err != nil {
				return err
			}
			r, err := t.flood(ctx, f)
			if err != nil {
				return err
			}
			runs[i] = append(runs[i], r)
		}
		// Once with the batch size of the nodes, and once with the batch size that
		// costs Redis least.
		asked := max(1, int(runs[2][round].Value("operations of a round trip")+0.5))
		most := 100
		if t.Quick {
			most = 10
		}
		for i, batch := range []int{asked, most} {
			if err := t.say("rate: round %d of %d, redis alone, %d events at once", round+1, t.Rounds, batch); err != nil {
				return err
			}
			r, err := t.alone(ctx, batch)
			if err != nil {
				return err
			}
			alone[i] = append(alone[i], r)
		}
	}
	for i, f := range floods {
		r := t.keep(runs[i])
		target, met := "", clean(r)
		if f.rate > 0 {
			target = "nothing lost, at least 99 % of them"
			met = met && r.Value("events") >= 0.99*f.rate
		}
		t.add(f.name, target, met, "%s/s, %s, p50 %.1f ms, p99 %.1f ms; CPU of an event: redis %.1f µs, nodes %.1f µs, client %.1f µs; %.1f operations a round trip",
			report.Number(r.Value("events")), losses(r), r.Value("latency p50"), r.Value("latency p99"), r.Value("redis CPU of an event"), r.Value("nodes' CPU of an event"),
			r.Value("client CPU of an event"), r.Value("operations of a round trip"))
	}
	best := 0.0
	for i := range alone {
		r := t.keep(alone[i])
		best = max(best, r.Value("events"))
		t.add(fmt.Sprintf("redis alone, %s events at once in each partition", setting(r, "batch")), "", true, "%s/s, %.2f cores, %.1f µs of its CPU an event",
			report.Number(r.Value("events")), r.Value("redis CPU"), r.Value("redis CPU of an event"))
	}
	most := report.Median(runs[2]).Value("events")
	t.add("the most events over two nodes, of what redis alone can do", "≥ 60 %", most >= 0.6*best, "%.0f %%", 100*most/best)
	return nil
}

func setting(r report.Result, name string) string {
	for _, s := range r.Settings {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

func (t *clusterTable) flood(ctx context.Context, w flood) (report.Result, error) {
	town, err := t.town(ctx, 2)
	if err != nil {
		return report.Result{}, err
	}
	defer town.stop()
	targets := town.targets()
	sockets, callers := floodChannels*len(targets), floodCallers*len(targets)
	s, err := newSession(w.name, targets[0], sockets+callers)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("channels", "%d", floodChannels)
	s.result.Set("subscribers", "%d", sockets)
	s.result.Set("data", "%d bytes", floodSize)
	f := newFleet(s.loop, s.target, names("bench-cluster-", floodChannels))
	f.hosts = addresses(targets)
	f.ledger = newLedger(sockets, floodChannels, callers)
	if err := f.open(ctx, sockets); err != nil {
		return report.Result{}, err
	}
	d := newLoad(s.loop, f.ledger, w.rate/float64(w.batch), floodChannels)
	d.flood = true
	d.live = func(channel int) int64 { return f.live[channel] }
	newBatches(d, targets, f.names, floodSize, callers, w.batch)
	spent, err := town.drive(ctx, s, d, t.warmup, t.measure)
	if err != nil {
		return report.Result{}, err
	}
	s.calls(d, metered{Elapsed: spent.elapsed})
	s.deliveries(f.ledger, f, noStream)
	spent.add(&s.result, float64(d.answers.TotalCount()), "of an event")
	s.result.Add("round trips", "/s", spent.trips/spent.elapsed.Seconds())
	s.result.Add("operations of a round trip", "avg", spent.ops/max(1, spent.trips))
	return s.result, nil
}

// alone measures how many requests of two nodes Redis can process without nodes.
func (t *clusterTable) alone(ctx context.Context, batch int) (report.Result, error) {
	r := report.Result{Scenario: "redis alone"}
	r.Set("channels", "%d", floodChannels)
	r.Set("data", "%d bytes", floodSize)
	r.Set("batch", "%d", batch)
	redis, err := startRedis(ctx, t.Redis)
	if err != nil {
		return r, err
	}
	defer redis.stop()
	town := &town{redis: redis}
	r.Host = redis.address
	c, err := startChild("the load on redis", t.Alone, redis.address, strconv.Itoa(floodChannels), strconv.Itoa(batch), strconv.Itoa(floodSize))
	if err != nil {
		return r, err
	}
	defer c.stop()
	town.helpers = append(town.helpers, c)
	ask := func() (counted AloneReport, err error) {
		if _, err := fmt.Fprintln(c.stdin); err != nil {
			return counted, err
		}
		line, err := c.line()
		if err != nil {
			return counted, err
		}
		return counted, json.Unmarshal([]byte(line), &counted)
	}
	if _, err := ask(); err != nil { // the first answer shows that it has begun
		return r, err
	}
	if err := sleep(ctx, t.warmup); err != nil {
		return r, err
	}
	first, err := ask()
	if err != nil {
		return r, err
	}
	before, err := town.bill(ctx)
	if err != nil {
		return r, err
	}
	if err := sleep(ctx, t.measure); err != nil {
		return r, err
	}
	last, err := ask()
	if err != nil {
		return r, err
	}
	after, err := town.bill(ctx)
	if err != nil {
		return r, err
	}
	spent, events := after.minus(before), float64(last.Events-first.Events)
	r.Add("events", "/s", events/spent.elapsed.Seconds())
	r.Add("pushed", "/s", float64(last.Pushed-first.Pushed)/spent.elapsed.Seconds())
	spent.add(&r, events, "of an event")
	return r, nil
}

// AloneReport is the answer of the process that keeps a Redis busy to each line,
// after it has begun.
type AloneReport struct {
	Events int64 // events written so far
	Pushed int64 // pushes of events so far
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
