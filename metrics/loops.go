package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// loopSockets exposes how sockets are distributed over the event loops.
type loopSockets struct {
	shares func() []int
	desc   *prometheus.Desc
}

// LoopSockets returns a collector of the number of sockets of each event loop, which shares returns.
func LoopSockets(shares func() []int) prometheus.Collector {
	return &loopSockets{shares: shares, desc: describe("loop_sockets", "Open sockets, by event loop.", "loop")}
}

// Describe implements prometheus.Collector.
func (c *loopSockets) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect implements prometheus.Collector.
func (c *loopSockets) Collect(out chan<- prometheus.Metric) {
	for i, n := range c.shares() {
		out <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(n), strconv.Itoa(i))
	}
}
