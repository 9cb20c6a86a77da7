package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Requests is a snapshot of the HTTP requests answered so far.
type Requests struct {
	Counts    []RequestCount
	Latencies []RouteLatency
}

// RequestCount is a number of requests with the same app, route and status.
type RequestCount struct {
	App    string // id; "" if a request named none that exists
	Route  string // pattern, such as /apps/:app/events; "" if the path leads nowhere
	Status int    // 0 for any that is not counted separately
	Count  uint64
}

// RouteLatency is how long the requests of a route took.
type RouteLatency struct {
	Route   string
	Count   uint64
	Seconds float64            // in all
	Buckets map[float64]uint64 // how many took at most so many seconds
}

// RequestCollector turns a snapshot of HTTP requests into metrics at each
// scrape. Make one with NewRequestCollector.
type RequestCollector struct {
	source  func() Requests
	count   *prometheus.Desc
	latency *prometheus.Desc
}

// NewRequestCollector returns a collector of what source tells.
func NewRequestCollector(source func() Requests) *RequestCollector {
	return &RequestCollector{
		source:  source,
		count:   describe("http_requests_total", "HTTP requests that were answered, WebSocket handshakes included.", "app", "route", "status"),
		latency: describe("http_request_duration_seconds", "Time from the head of a request to the end of its answer, without polls and streams of HTTP sessions, which wait for events.", "route"),
	}
}

// Describe sends every metric there is, as prometheus.Collector asks.
func (c *RequestCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.count
	out <- c.latency
}

// Collect takes one snapshot and sends all of it, as prometheus.Collector
// asks.
func (c *RequestCollector) Collect(out chan<- prometheus.Metric) {
	s := c.source()
	for _, r := range s.Counts {
		out <- prometheus.MustNewConstMetric(c.count, prometheus.CounterValue, float64(r.Count), r.App, routeLabel(r.Route), codeLabel(r.Status, "other"))
	}
	for _, l := range s.Latencies {
		out <- prometheus.MustNewConstHistogram(c.latency, l.Count, l.Seconds, l.Buckets, routeLabel(l.Route))
	}
}

// routeLabel is a route's pattern, or the name of none.
func routeLabel(route string) string {
	if route == "" {
		return "none"
	}
	return route
}
