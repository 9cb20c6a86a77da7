package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os/exec"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"
)

// town is a cluster on this machine: nodes that share a Redis.
type town struct {
	redis  *redisServer
	prefix string
	nodes  []*serverProcess
	// helpers are processes that belong to the client.
	helpers []*child
}

// startTown starts n nodes and waits until they are ready. command creates their
// processes; redis is the address of a running Redis, "" starts one. activity is the
// time without a message after which a socket is pinged. The caller must call stop.
func startTown(ctx context.Context, command func(args ...string) (*exec.Cmd, error), redis string, n int, activity time.Duration) (*town, error) {
	server, err := startRedis(ctx, redis)
	if err != nil {
		return nil, err
	}
	t := &town{redis: server, prefix: "bench-" + rand.Text()}
	for range n {
		// A long timeout, so that no socket is closed because a busy machine delays a client.
		more := fmt.Sprintf("sockets: { activity_timeout: %s, pong_timeout: 120s }\ncluster: { driver: redis, redis: { addresses: [%q], prefix: %q } }", activity, server.address, t.prefix)
		node, err := startServer(ctx, command, "", more)
		if err == nil {
			node.target, err = node.target.resolve()
		}
		if err != nil {
			t.stop()
			return nil, fmt.Errorf("node %d: %w", len(t.nodes)+1, err)
		}
		t.nodes = append(t.nodes, node)
	}
	return t, nil
}

// stop ends the nodes, then Redis.
func (t *town) stop() {
	for _, node := range t.nodes {
		node.stop()
	}
	t.redis.stop()
}

// kill ends all nodes at once, as a crash of the machine does, then Redis.
func (t *town) kill() {
	for _, node := range t.nodes {
		if node.cmd != nil {
			_ = node.cmd.Process.Kill()
		}
	}
	t.stop()
}

// targets returns the nodes as targets.
func (t *town) targets() (all []Target) {
	for _, node := range t.nodes {
		all = append(all, node.target)
	}
	return all
}

func addresses(targets []Target) (all []netip.AddrPort) {
	for _, t := range targets {
		all = append(all, t.addr)
	}
	return all
}

// count sums a metric over the nodes.
func (t *town) count(ctx context.Context, metric string) (sum float64, err error) {
	for _, node := range t.nodes {
		values, err := scrape(ctx, node.target.Metrics, metric)
		if err != nil {
			return 0, err
		}
		for _, v := range values {
			sum += v
		}
	}
	return sum, nil
}

// The metrics of a node that count its requests to Redis.
const (
	roundTrips = "fanfare_cluster_round_trips_total"
	operations = "fanfare_cluster_operations_total"
)

// bill is what all processes of the benchmark have used, up to a time or between two
// times.
type bill struct {
	at      time.Time
	elapsed time.Duration
	redis   redisUsage
	nodes   Usage // sum over all nodes
	client  time.Duration
	machine time.Duration
	trips   float64
	ops     float64
}

// bill reads what was used so far, without trips and ops.
func (t *town) bill(ctx context.Context) (b bill, err error) {
	for _, node := range t.nodes {
		if node.cmd == nil {
			continue // it was killed
		}
		u, err := process(node.target.PID).usage()
		if err != nil {
			return b, err
		}
		b.nodes.CPU += u.CPU
		b.nodes.RSS += u.RSS
	}
	if b.redis, err = t.redis.usage(ctx); err != nil {
		return b, err
	}
	for _, c := range t.helpers {
		u, err := process(c.cmd.Process.Pid).usage()
		if err != nil {
			return b, err
		}
		b.client += u.CPU
	}
	b.client, b.machine, b.at = b.client+client.OwnCPU(), machineCPU(), time.Now()
	return b, nil
}

// counted is bill with the nodes' own counters, trips and ops.
func (t *town) counted(ctx context.Context) (b bill, err error) {
	if b, err = t.bill(ctx); err != nil {
		return b, err
	}
	if b.trips, err = t.count(ctx, roundTrips); err != nil {
		return b, err
	}
	b.ops, err = t.count(ctx, operations)
	return b, err
}

// minus returns what was used between two bills.
func (b bill) minus(before bill) bill {
	return bill{
		elapsed: b.at.Sub(before.at), redis: b.redis.minus(before.redis), nodes: Usage{RSS: b.nodes.RSS, CPU: b.nodes.CPU - before.nodes.CPU},
		client: b.client - before.client, machine: b.machine - before.machine, trips: b.trips - before.trips, ops: b.ops - before.ops,
	}
}

// cores converts a processor time to the average number of cores in use.
func (b bill) cores(d time.Duration) float64 { return d.Seconds() / b.elapsed.Seconds() }

// add adds the bill to a result. With units above 0 it also adds the processor time
// per unit; what names the unit.
func (b bill) add(r *report.Result, units float64, what string) {
	r.Add("redis CPU", "cores", b.cores(b.redis.CPU))
	r.Add("nodes' CPU", "cores", b.cores(b.nodes.CPU))
	r.Add("client CPU", "cores", b.cores(b.client))
	r.Add(othersCPU, "cores", b.cores(max(0, b.machine-b.redis.CPU-b.nodes.CPU-b.client)))
	if units > 0 {
		price := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / units }
		r.Add("redis CPU "+what, "µs", price(b.redis.CPU))
		r.Add("nodes' CPU "+what, "µs", price(b.nodes.CPU))
		r.Add("client CPU "+what, "µs", price(b.client))
	}
	r.Add("redis memory", "MB", report.Megabytes(b.redis.Memory))
	r.Add("nodes' memory", "MB", report.Megabytes(b.nodes.RSS))
}

// drive runs a load: the warm-up, then the measured part. The bill covers the
// measured part, up to the last delivery.
func (t *town) drive(ctx context.Context, s *session, d *load, warmup, duration time.Duration) (bill, error) {
	s.loop.Add(d)
	d.start()
	if err := s.loop.Pause(ctx, warmup); err != nil {
		return bill{}, err
	}
	before, err := t.counted(ctx)
	if err != nil {
		return bill{}, err
	}
	d.measure()
	if err := s.loop.Pause(ctx, duration); err != nil {
		return bill{}, err
	}
	if err := d.finish(ctx, patience); err != nil {
		return bill{}, err
	}
	after, err := t.counted(ctx)
	return after.minus(before), err
}
