package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Cluster is the state of the cluster as a node sees it. The help of the metrics explains each field.
type Cluster struct {
	Open, Entering, Away int           // partitions, by the state of the connection
	Young                int           // partitions that wait for reports
	Lag                  time.Duration // age of the node's state of a partition; the maximum
	Alive, Quiet, Dead   int           // nodes
	Queued               int           // operations
	QueuedBytes          int64
	Operations           uint64
	RoundTrips           uint64
	RoundTripTime        time.Duration // sum
	Gaps                 uint64
	Repairs              uint64
	Births               uint64
	Overruns             uint64
	Dropped              uint64
	Deaths               uint64
	Overfull             uint64
	Misrouted            uint64
	Unasked              uint64
	Kept                 int    // partitions whose webhooks this node delivers
	Handed, Boxed        int    // webhooks: collected by this node, and in outboxes
	Lost                 uint64 // dropped webhooks
	Terms                uint64
}

// ClusterCollector exposes the state of a node in a cluster. Create it with
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
		partitions: describe("cluster_partitions", "Partitions of the cluster by the state of this node's connection: open, entering (this node reports what it holds), away (unreachable).", "state"),
		nodes:      describe("cluster_nodes", "Nodes of the cluster, this one included. state: alive, quiet (no heartbeat for 4 s), dead (kept for a day or more).", "state"),
		figures: []figure[Cluster]{
			{describe("cluster_young_partitions", "Partitions that wait for reports of what nodes hold: from a node that joins, or from all nodes after Redis lost its data."), gauge, func(c *Cluster) float64 { return float64(c.Young) }},
			{describe("cluster_lag_seconds", "Age of what this node knows about a partition, the oldest of all partitions. Up to 2 s in an idle cluster."), gauge, func(c *Cluster) float64 { return c.Lag.Seconds() }},
			{describe("cluster_queued_operations", "Operations of this node that wait or are being sent."), gauge, func(c *Cluster) float64 { return float64(c.Queued) }},
			{describe("cluster_queued_bytes", "Memory of the queued operations."), gauge, func(c *Cluster) float64 { return float64(c.QueuedBytes) }},
			{describe("cluster_operations_total", "Operations of this node that Redis has executed: joins, leaves, events."), count, func(c *Cluster) float64 { return float64(c.Operations) }},
			{describe("cluster_round_trips_total", "Requests to Redis that were answered."), count, func(c *Cluster) float64 { return float64(c.RoundTrips) }},
			{describe("cluster_round_trip_seconds_total", "Total duration of these requests."), count, func(c *Cluster) float64 { return c.RoundTripTime.Seconds() }},
			{describe("cluster_gaps_total", "Channels whose events may have been missed, because this node was disconnected for too long."), count, func(c *Cluster) float64 { return float64(c.Gaps) }},
			{describe("cluster_repairs_total", "Channels and users whose state was read again, because an entry was missing."), count, func(c *Cluster) float64 { return float64(c.Repairs) }},
			{describe("cluster_new_memories_total", "Times that Redis was restarted or emptied, or another server took over, counted per partition."), count, func(c *Cluster) float64 { return float64(c.Births) }},
			{describe("cluster_overruns_total", "Times that operations were dropped because too many waited for too long."), count, func(c *Cluster) float64 { return float64(c.Overruns) }},
			{describe("cluster_events_dropped_total", "Client events that did not reach all nodes: because too many waited, because Redis was out of memory, or because a node does not know the member who sent them."), count, func(c *Cluster) float64 { return float64(c.Dropped) }},
			{describe("cluster_deaths_total", "Nodes that were declared dead while this node ran. Every node counts the same death."), count, func(c *Cluster) float64 { return float64(c.Deaths) }},
			{describe("cluster_overfull_members_total", "Members that were accepted without a check of max_presence_members, because Redis did not answer."), count, func(c *Cluster) float64 { return float64(c.Overfull) }},
			{describe("cluster_misrouted_sessions_total", "Requests of HTTP fallback sessions of this node that reached another node. The client has to connect again."), count, func(c *Cluster) float64 { return float64(c.Misrouted) }},
			{describe("cluster_unasked_sockets_total", "Sockets that were accepted without a check of the app's max_connections, because Redis did not answer."), count, func(c *Cluster) float64 { return float64(c.Unasked) }},
			{describe("cluster_keeper_partitions", "Partitions whose webhooks this node delivers."), gauge, func(c *Cluster) float64 { return float64(c.Kept) }},
			{describe("cluster_keeper_terms_total", "Times that this node began to deliver the webhooks of a partition."), count, func(c *Cluster) float64 { return float64(c.Terms) }},
			{describe("cluster_outbox_events", "Webhooks in the outboxes of those partitions."), gauge, func(c *Cluster) float64 { return float64(c.Boxed) }},
			{describe("cluster_outbox_delivering_events", "Webhooks of those partitions that this node has collected and not delivered yet."), gauge, func(c *Cluster) float64 { return float64(c.Handed) }},
			{describe("cluster_outbox_dropped_total", "Webhooks that were dropped because the outbox of a partition was full before a node had collected them."), count, func(c *Cluster) float64 { return float64(c.Lost) }},
		},
	}
}

// Describe implements prometheus.Collector.
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
