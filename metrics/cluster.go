package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Cluster is how a node sees the cluster at a scrape.
type Cluster struct {
	Open, Entering, Away int           // partitions
	Young                int           // partitions
	Lag                  time.Duration // since what the node knows of a partition was current; the worst
	Alive, Quiet, Dead   int           // nodes
	Queued               int           // ops
	QueuedBytes          int64
	Operations           uint64
	RoundTrips           uint64
	RoundTripTime        time.Duration // of all together
	Gaps                 uint64
	Repairs              uint64
	Births               uint64
	Overruns             uint64
	Dropped              uint64
	Deaths               uint64
	Overfull             uint64
	Misrouted            uint64
	Unasked              uint64
	Kept                 int    // partitions
	Handed, Boxed        int    // webhooks
	Lost                 uint64 // webhooks
	Terms                uint64
}

// ClusterCollector shows the state of a cluster's node. Make one with
// NewClusterCollector.
type ClusterCollector struct {
	read              func() Cluster
	partitions, nodes *prometheus.Desc
	figures           []figure[Cluster]
}

// NewClusterCollector returns a collector of what read returns at each scrape.
func NewClusterCollector(read func() Cluster) *ClusterCollector {
	const count, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return &ClusterCollector{
		read:       read,
		partitions: describe("cluster_partitions", "Partitions of the cluster by the state of the link: open, entering (this node says what it holds), away (cannot be reached).", "state"),
		nodes:      describe("cluster_nodes", "Nodes of the cluster, this one included. state: alive, quiet (no beat for 4 s), dead (declared so, for a day or more).", "state"),
		figures: []figure[Cluster]{
			{describe("cluster_young_partitions", "Partitions that wait for a node to say what it holds: for one that comes, or for all after their memory was lost."), gauge, func(c *Cluster) float64 { return float64(c.Young) }},
			{describe("cluster_lag_seconds", "Time since what this node knows of a partition was current. The worst of all partitions; up to 2 s in an idle cluster."), gauge, func(c *Cluster) float64 { return c.Lag.Seconds() }},
			{describe("cluster_queued_operations", "Operations of this node that wait or are under way."), gauge, func(c *Cluster) float64 { return float64(c.Queued) }},
			{describe("cluster_queued_bytes", "Memory that they take."), gauge, func(c *Cluster) float64 { return float64(c.QueuedBytes) }},
			{describe("cluster_operations_total", "Operations of this node that were carried out: joins, leaves, events."), count, func(c *Cluster) float64 { return float64(c.Operations) }},
			{describe("cluster_round_trips_total", "Requests to the cluster's server that were answered."), count, func(c *Cluster) float64 { return float64(c.RoundTrips) }},
			{describe("cluster_round_trip_seconds_total", "Time that they took, all together."), count, func(c *Cluster) float64 { return c.RoundTripTime.Seconds() }},
			{describe("cluster_gaps_total", "Channels whose events may have been missed, because this node was away for too long."), count, func(c *Cluster) float64 { return float64(c.Gaps) }},
			{describe("cluster_repairs_total", "Channels and users that were read anew because what came did not follow what was known."), count, func(c *Cluster) float64 { return float64(c.Repairs) }},
			{describe("cluster_new_memories_total", "Times that a partition had another memory than before: Redis was restarted or emptied, or another server took over."), count, func(c *Cluster) float64 { return float64(c.Births) }},
			{describe("cluster_overruns_total", "Times that operations were dropped because too many waited for too long."), count, func(c *Cluster) float64 { return float64(c.Overruns) }},
			{describe("cluster_events_dropped_total", "Client events that did not reach all nodes: for that reason, because Redis was out of memory, or because a node does not know of the member who sent them."), count, func(c *Cluster) float64 { return float64(c.Dropped) }},
			{describe("cluster_deaths_total", "Nodes that were declared dead while this one ran. Each of the others counts the same death."), count, func(c *Cluster) float64 { return float64(c.Deaths) }},
			{describe("cluster_overfull_members_total", "Members that were let in without a look at max_presence_members, because the cluster did not answer."), count, func(c *Cluster) float64 { return float64(c.Overfull) }},
			{describe("cluster_misrouted_sessions_total", "Times that a session of the HTTP fallback on this node had a send that reached another node. Its client connects anew."), count, func(c *Cluster) float64 { return float64(c.Misrouted) }},
			{describe("cluster_unasked_sockets_total", "Sockets of apps with max_connections that were let in without a look at it, because the cluster did not answer."), count, func(c *Cluster) float64 { return float64(c.Unasked) }},
			{describe("cluster_keeper_partitions", "Partitions whose webhooks this node delivers."), gauge, func(c *Cluster) float64 { return float64(c.Kept) }},
			{describe("cluster_keeper_terms_total", "Times that this node began to deliver the webhooks of a partition."), count, func(c *Cluster) float64 { return float64(c.Terms) }},
			{describe("cluster_outbox_events", "Webhooks in the outboxes of those partitions."), gauge, func(c *Cluster) float64 { return float64(c.Boxed) }},
			{describe("cluster_outbox_delivering_events", "Webhooks of them that wait for an endpoint of this node."), gauge, func(c *Cluster) float64 { return float64(c.Handed) }},
			{describe("cluster_outbox_dropped_total", "Webhooks that the outboxes of those partitions dropped for want of room, before a node had collected them."), count, func(c *Cluster) float64 { return float64(c.Lost) }},
		},
	}
}

// Describe sends every metric there is, as prometheus.Collector asks.
func (c *ClusterCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.partitions
	out <- c.nodes
	for _, f := range c.figures {
		out <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *ClusterCollector) Collect(out chan<- prometheus.Metric) {
	s := c.read()
	byState := func(d *prometheus.Desc, state string, n int) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), state)
	}
	byState(c.partitions, "open", s.Open)
	byState(c.partitions, "entering", s.Entering)
	byState(c.partitions, "away", s.Away)
	byState(c.nodes, "alive", s.Alive)
	byState(c.nodes, "quiet", s.Quiet)
	byState(c.nodes, "dead", s.Dead)
	for _, f := range c.figures {
		out <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(&s))
	}
}
