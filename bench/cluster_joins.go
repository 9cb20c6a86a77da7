package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"fanfare/bench/report"
)

// plain counts the requests to Redis for subscribers of plain channels: the first
// and the last subscriber on a node, and the number once a second in between.
func (t *clusterTable) plain(ctx context.Context) error {
	channels, each := 20, 200
	if t.Quick {
		each = 10
	}
	if err := t.say("plain: %d channels", channels); err != nil {
		return err
	}
	town, err := t.town(ctx, 2)
	if err != nil {
		return err
	}
	defer town.stop()
	targets := town.targets()
	sockets := channels * each
	s, err := newSession("subscribers of plain channels", targets[0], sockets)
	if err != nil {
		return err
	}
	defer s.end()
	s.result.Set("channels", "%d", channels)
	s.result.Set("subscribers", "%d", sockets)
	f := newFleet(s.loop, s.target, names("bench-plain-", channels))
	f.hosts = addresses(targets)
	before, err := town.counted(ctx)
	if err != nil {
		return err
	}
	if err := f.open(ctx, sockets); err != nil {
		return err
	}
	there, err := town.counted(ctx)
	if err != nil {
		return err
	}
	f.vanish()
	q := newInquirer(s.loop, s.target)
	for _, name := range f.names {
		if err := q.vacated(ctx, name, patience); err != nil {
			return err
		}
	}
	gone, err := town.counted(ctx)
	if err != nil {
		return err
	}
	came, went := there.minus(before), gone.minus(there)
	s.result.Add("operations as they come", "in all", came.ops)
	s.result.Add("operations as they go", "in all", went.ops)
	t.results = append(t.results, s.result)
	ends := float64(channels * len(targets))
	// Each of the two may be followed by the number, once a second.
	bound := 2*ends + ends*math.Ceil(came.elapsed.Seconds()+went.elapsed.Seconds())
	t.add(fmt.Sprintf("%s subscribers of %d plain channels come and go, on two nodes", report.Grouped(int64(sockets)), channels),
		fmt.Sprintf("≤ %.0f operations: first, last, and the number once a second", bound), came.ops+went.ops <= bound,
		"%.0f operations, then %.0f", came.ops, went.ops)
	return nil
}

// joins measures presence channels: round trips of one join, and the effect of a
// crowd that joins at once on other clients.
func (t *clusterTable) joins(ctx context.Context) error {
	if err := t.say("joins: one by one"); err != nil {
		return err
	}
	if err := t.oneByOne(ctx); err != nil {
		return err
	}
	var runs []report.Result
	for round := range t.Rounds {
		if err := t.say("joins: round %d of %d, %d at once", round+1, t.Rounds, t.Joins); err != nil {
			return err
		}
		r, err := t.storm(ctx)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	r := t.keep(runs)
	p99 := r.Value("others' events, members joining p99")
	t.add(fmt.Sprintf("%s joins of presence channels at once", report.Grouped(int64(t.Joins))), "redis below 1 core", r.Value("redis CPU") < 1,
		"all in %.1f s; redis %.2f cores, %.1f µs a join, nodes %.1f µs", r.Value("all joined after"), r.Value("redis CPU"), r.Value("redis CPU of a join"), r.Value("nodes' CPU of a join"))
	t.add("others' events over two nodes meanwhile", "p99 ≤ 250 ms, nothing lost", p99 <= 250 && clean(r), "p50 %.1f ms, p99 %.1f ms; before p99 %.1f ms, %s",
		r.Value("others' events, members joining p50"), p99, r.Value("others' events before p99"), losses(r))
	return nil
}

// oneByOne counts the round trips of a join. Those of an idle cluster are measured
// before, and subtracted.
func (t *clusterTable) oneByOne(ctx context.Context) error {
	town, err := t.town(ctx, 2)
	if err != nil {
		return err
	}
	defer town.stop()
	rooms := 300
	if t.Quick {
		rooms = 20
	}
	s, err := newSession("joins of presence channels, one by one", town.nodes[0].target, 2*rooms)
	if err != nil {
		return err
	}
	defer s.end()
	s.result.Set("channels", "%d", rooms)
	idle, err := t.idle(ctx, town, t.measure)
	if err != nil {
		return err
	}
	background := idle.trips / idle.elapsed.Seconds()
	s.result.Add("round trips of the idle cluster", "/s", background)
	f := newFleet(s.loop, s.target, names("presence-bench-one-", rooms))
	f.atOnce = 1
	f.member = func(i int) string { return fmt.Sprintf(`{"user_id":"u%d"}`, i) }
	for _, what := range []string{"the first of a node", "the second"} { // socket i+rooms is the second on channel i
		before, err := town.counted(ctx)
		if err != nil {
			return err
		}
		if err := f.open(ctx, rooms); err != nil {
			return err
		}
		after, err := town.counted(ctx)
		if err != nil {
			return err
		}
		spent := after.minus(before)
		s.result.Add("round trips of a join, "+what, "avg", (spent.trips-background*spent.elapsed.Seconds())/float64(rooms))
	}
	t.results = append(t.results, s.result)
	first, second := s.result.Value("round trips of a join, the first of a node"), s.result.Value("round trips of a join, the second")
	t.add("round trips of a join, the node does not watch the channel", "≤ 2", math.Round(10*first) <= 20, "%.2f", first)
	t.add("round trips of a join, it does", "≤ 1", math.Round(10*second) <= 10, "%.2f", second)
	return nil
}

// idle measures a cluster without requests.
func (t *clusterTable) idle(ctx context.Context, town *town, d time.Duration) (bill, error) {
	before, err := town.counted(ctx)
	if err != nil {
		return bill{}, err
	}
	if err := sleep(ctx, d); err != nil {
		return bill{}, err
	}
	after, err := town.counted(ctx)
	return after.minus(before), err
}

// crowd starts a crowd on the nodes of a town, connected.
func (t *clusterTable) crowd(ctx context.Context, town *town, sockets, each, room int) (*throng, error) {
	c := Crowd{App: "bench", Key: town.nodes[0].target.Key, Secret: town.nodes[0].target.Secret, Sockets: sockets, Each: each, Room: room}
	for _, node := range town.nodes {
		c.Hosts = append(c.Hosts, node.target.addr.String())
	}
	all, err := startCrowd(t.Crowd, c)
	if err != nil {
		return nil, err
	}
	town.helpers = all.children
	if _, err := all.do(ctx, crowdOpen); err != nil {
		all.stop()
		return nil, err
	}
	return all, nil
}

// quiet sends a few events a second from one node to a subscriber on each of some
// nodes, and measures them while something else happens.
type quiet struct {
	session *session
	fleet   *fleet
	load    *load
}

const quietRate = 100

// quietly starts sending. stop has to be called.
func quietly(ctx context.Context, name string, targets []Target) (*quiet, error) {
	s, err := newSession(name, targets[0], len(targets))
	if err != nil {
		return nil, err
	}
	q := &quiet{session: s, fleet: newFleet(s.loop, s.target, names("bench-quiet-", 1))}
	q.fleet.hosts = addresses(targets)
	const callers = 64 // more than answer within the expected latency, so that no event waits for a caller
	q.fleet.ledger = newLedger(len(targets), 1, callers)
	if err := q.fleet.open(ctx, len(targets)); err != nil {
		s.end()
		return nil, err
	}
	q.load = newLoad(s.loop, q.fleet.ledger, quietRate, 1)
	q.load.live = func(channel int) int64 { return q.fleet.live[channel] }
	newTriggers(q.load, s.target, q.fleet.names, 100, callers)
	s.loop.Add(q.load)
	q.load.start()
	q.load.measure()
	return q, nil
}

// seen adds what was measured since the last call.
func (q *quiet) seen(name string) {
	q.session.loop.Do(func() {
		q.session.result.Latency(name, q.fleet.ledger.latency)
		q.fleet.ledger.latency.Reset()
	})
}

// finish waits for the last event and adds the faults.
func (q *quiet) finish(ctx context.Context) error {
	err := q.load.finish(ctx, patience)
	r := &q.session.result
	q.session.loop.Do(func() {
		r.Add("lost", "", float64(q.fleet.missing(noStream)))
		r.Add("duplicated", "", float64(q.fleet.ledger.duplicated))
		r.Add("reordered", "", float64(q.fleet.ledger.reordered))
		r.Add("refused", "", float64(q.load.refused))
		r.Problems = append(q.load.problems.list(5), q.fleet.problems.list(5)...)
	})
	return err
}

func (q *quiet) stop() { q.session.end() }

// storm lets a crowd join at once while a few events are sent over both nodes.
func (t *clusterTable) storm(ctx context.Context) (report.Result, error) {
	town, err := t.town(ctx, 2)
	if err != nil {
		return report.Result{}, err
	}
	defer town.stop()
	each := 20 // channels that each socket joins, at first
	sockets := max(2, t.Joins/each)
	const room = 10
	crowd, err := t.crowd(ctx, town, sockets, each, room)
	if err != nil {
		return report.Result{}, err
	}
	defer crowd.stop()
	q, err := quietly(ctx, "joins of presence channels at once", town.targets())
	if err != nil {
		return report.Result{}, err
	}
	defer q.stop()
	q.session.result.Set("joins", "%d", sockets*each)
	q.session.result.Set("members of a channel", "%d", room)
	if err := sleep(ctx, t.warmup); err != nil {
		return report.Result{}, err
	}
	q.seen("others' events before")
	before, err := town.counted(ctx)
	if err != nil {
		return report.Result{}, err
	}
	joined, err := crowd.do(ctx, crowdJoin)
	if err != nil {
		return report.Result{}, err
	}
	after, err := town.counted(ctx)
	if err != nil {
		return report.Result{}, err
	}
	q.seen("others' events, members joining")
	if err := q.finish(ctx); err != nil {
		return report.Result{}, err
	}
	r := &q.session.result
	r.Add("all joined after", "s", joined.Seconds)
	spent := after.minus(before)
	spent.add(r, float64(sockets*each), "of a join")
	r.Add("operations of a join", "avg", spent.ops/float64(sockets*each))
	r.Add("operations of a round trip", "avg", spent.ops/max(1, spent.trips))
	return *r, nil
}
