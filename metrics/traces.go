package metrics

import "github.com/prometheus/client_golang/prometheus"

// Traces counts trace spans since the start: exported, dropped because the queue was full, and dropped because the export failed.
type Traces struct{ Exported, NoRoom, Failed uint64 }

// TraceCollector exposes the counts of trace spans. Create it with
// NewTraceCollector.
type TraceCollector struct {
	source            func() Traces
	exported, dropped *prometheus.Desc
}

// NewTraceCollector returns a collector of the counts that source returns.
func NewTraceCollector(source func() Traces) *TraceCollector {
	return &TraceCollector{
		source:   source,
		exported: describe("trace_spans_exported_total", "Trace spans that the collector accepted."),
		dropped:  describe("trace_spans_dropped_total", "Trace spans that were dropped. cause: queue_full (4096 waited for the collector), export (the collector did not accept them).", "cause"),
	}
}

// Describe implements prometheus.Collector.
func (c *TraceCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.exported
	out <- c.dropped
}

// Collect implements prometheus.Collector.
func (c *TraceCollector) Collect(out chan<- prometheus.Metric) {
	s := c.source()
	out <- prometheus.MustNewConstMetric(c.exported, prometheus.CounterValue, float64(s.Exported))
	out <- prometheus.MustNewConstMetric(c.dropped, prometheus.CounterValue, float64(s.NoRoom), "queue_full")
	out <- prometheus.MustNewConstMetric(c.dropped, prometheus.CounterValue, float64(s.Failed), "export")
}
