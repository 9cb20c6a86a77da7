package metrics

import "github.com/prometheus/client_golang/prometheus"

// Traces is what became of trace spans, since the start.
type Traces struct{ Exported, NoRoom, Failed uint64 }

// TraceCollector shows what became of trace spans. Make one with
// NewTraceCollector.
type TraceCollector struct {
	source            func() Traces
	exported, dropped *prometheus.Desc
}

// NewTraceCollector returns a collector of what source returns at each scrape.
func NewTraceCollector(source func() Traces) *TraceCollector {
	return &TraceCollector{
		source:   source,
		exported: describe("trace_spans_exported_total", "Trace spans that the collector accepted."),
		dropped:  describe("trace_spans_dropped_total", "Trace spans that were dropped. cause: queue_full (4096 waited for the collector), export (the collector did not accept them).", "cause"),
	}
}

// Describe sends every metric there is, as prometheus.Collector asks.
func (c *TraceCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.exported
	out <- c.dropped
}

// Collect takes a snapshot and sends it, as prometheus.Collector asks.
func (c *TraceCollector) Collect(out chan<- prometheus.Metric) {
	s := c.source()
	out <- prometheus.MustNewConstMetric(c.exported, prometheus.CounterValue, float64(s.Exported))
	out <- prometheus.MustNewConstMetric(c.dropped, prometheus.CounterValue, float64(s.NoRoom), "queue_full")
	out <- prometheus.MustNewConstMetric(c.dropped, prometheus.CounterValue, float64(s.Failed), "export")
}
