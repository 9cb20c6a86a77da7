package bench

import (
	"context"
	"fmt"
	"time"

	"fanfare/bench/report"
)

// many measures a cluster of many nodes: its costs while idle, and the effect of
// killing one node.
func (t *clusterTable) many(ctx context.Context) error {
	sockets := t.Nodes * t.Each
	if err := t.say("many: starting %d nodes", t.Nodes); err != nil {
		return err
	}
	town, err := t.town(ctx, t.Nodes)
	if err != nil {
		return err
	}
	defer town.stop()
	room := min(10, t.Nodes)
	if err := t.say("many: %d sockets come", sockets); err != nil {
		return err
	}
	crowd, err := t.crowd(ctx, town, sockets, 1, room)
	if err != nil {
		return err
	}
	defer crowd.stop()
	joined, err := crowd.do(ctx, crowdJoin)
	if err != nil {
		return err
	}
	// Wait until the feeds of clients that left are closed and the garbage collector
	// has returned memory.
	if err := sleep(ctx, t.hold); err != nil {
		return err
	}
	if err := t.say("many: idle for %v", t.hold); err != nil {
		return err
	}
	idle, err := t.idle(ctx, town, t.hold)
	if err != nil {
		return err
	}
	r := report.Result{Scenario: "many nodes, idle", Host: town.redis.address}
	r.Set("nodes", "%d", t.Nodes)
	r.Set("sockets", "%d", sockets)
	r.Set("members of a channel", "%d", room)
	per := func(v float64) float64 { return v / float64(t.Nodes) }
	second := idle.elapsed.Seconds()
	r.Add("all joined after", "s", joined.Seconds)
	r.Add("requests to redis", "/s", float64(idle.redis.Scripts)/second)
	r.Add("bytes to redis", "/s", float64(idle.redis.In)/second)
	r.Add("bytes from redis", "/s", float64(idle.redis.Out)/second)
	idle.add(&r, 0, "")
	r.Add("memory of a node", "MB", per(report.Megabytes(idle.nodes.RSS)))
	r.Add("CPU of a node", "cores", per(idle.cores(idle.nodes.CPU)))
	t.results = append(t.results, r)
	name := fmt.Sprintf("%d nodes × %s sockets, idle", t.Nodes, report.Grouped(int64(t.Each)))
	t.add(name+": redis", "", true, "%.0f requests/s, %.0f KB/s in, %.0f KB/s out, %.3f cores, %.0f MB", r.Value("requests to redis"), r.Value("bytes to redis")/1000,
		r.Value("bytes from redis")/1000, r.Value("redis CPU"), r.Value("redis memory"))
	t.add(name+": a node", "", true, "%.4f cores, %.0f MB", r.Value("CPU of a node"), r.Value("memory of a node"))
	return t.kill(ctx, town, crowd, sockets, room)
}

// kill kills the last node of a cluster and waits until all members have received
// the removals.
func (t *clusterTable) kill(ctx context.Context, town *town, crowd *throng, sockets, room int) error {
	last := len(town.nodes) - 1
	q, err := quietly(ctx, "a node is killed", town.targets()[:2])
	if err != nil {
		return err
	}
	defer q.stop()
	r := &q.session.result
	r.Set("nodes", "%d", t.Nodes)
	r.Set("sockets", "%d", sockets)
	if err := sleep(ctx, t.warmup); err != nil {
		return err
	}
	q.seen("others' events before")
	if err := t.say("many: a node is killed"); err != nil {
		return err
	}
	left := *town
	left.nodes = town.nodes[:last]
	before, err := left.bill(ctx)
	if err != nil {
		return err
	}
	killed := time.Now()
	if err := town.nodes[last].kill(); err != nil {
		return err
	}
	// The other members of each channel with a member of that node receive its
	// removal.
	gone, expected := 0, 0
	for i := last; i < sockets; i += t.Nodes {
		gone++
		first := i / room * room
		for k := first; k < min(first+room, sockets); k++ {
			if k%t.Nodes != last {
				expected++
			}
		}
	}
	told := crowdReport{}
	for end := killed.Add(time.Minute); told.Removed < expected && time.Now().Before(end); {
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		if told, err = crowd.do(ctx, crowdCount); err != nil {
			return err
		}
	}
	after, err := left.bill(ctx)
	if err != nil {
		return err
	}
	q.seen("others' events meanwhile")
	if err := sleep(ctx, t.warmup); err != nil { // duplicates may arrive later
		return err
	}
	if told, err = crowd.do(ctx, crowdCount); err != nil {
		return err
	}
	if err := q.finish(ctx); err != nil {
		return err
	}
	spent := after.minus(before)
	since := func(at int64) float64 { return time.Unix(0, at).Sub(killed).Seconds() }
	r.Add("first removal after", "s", since(told.First))
	r.Add("last removal after", "s", since(told.Last))
	r.Add("removals told", "in all", float64(told.Removed))
	r.Add("members gone", "in all", float64(gone))
	r.Add("removals lost", "", float64(max(0, expected-told.Removed)))
	r.Add("removals too many", "", float64(max(0, told.Removed-expected)))
	r.Add("redis CPU of it", "s", spent.redis.CPU.Seconds())
	r.Add("nodes' CPU of it", "s", spent.nodes.CPU.Seconds())
	spent.add(r, 0, "")
	t.results = append(t.results, *r)
	t.add("one of them is killed: removals told", "each once", told.Removed == expected, "%s of %s, for %s members", report.Grouped(int64(told.Removed)), report.Grouped(int64(expected)), report.Grouped(int64(gone)))
	t.add("how long that takes", "last ≤ 15 s", since(told.Last) <= 15, "first after %.1f s, last after %.1f s", since(told.First), since(told.Last))
	t.add("others' events meanwhile", "p99 ≤ 250 ms, nothing lost", r.Value("others' events meanwhile p99") <= 250 && clean(*r), "p50 %.1f ms, p99 %.1f ms; before p99 %.1f ms, %s",
		r.Value("others' events meanwhile p50"), r.Value("others' events meanwhile p99"), r.Value("others' events before p99"), losses(*r))
	t.add("CPU meanwhile", "", true, "redis %.2f s, all nodes %.2f s, in %.1f s", spent.redis.CPU.Seconds(), spent.nodes.CPU.Seconds(), spent.elapsed.Seconds())
	return nil
}
