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
	App    string // id; "" if the request named no existing app
	Route  string // pattern, such as /apps/:app/events; "" for an unknown path
	Status int    // 0 stands for any that is not counted separately
	Count  uint64
}

// RouteLatency is the distribution of the durations of a route's requests.
type RouteLatency struct {
	Route   string
	Count   uint64
	Seconds float64            // sum
	Buckets map[float64]uint64 // upper bound in seconds -> number of requests, cumulative
}

// RequestCollector turns a snapshot of HTTP requests into metrics at each
// scrape. Create it with NewRequestCollector.
type RequestCollector struct {
	source  func() Requests
	count   *prometheus.Desc
	latency *prometheus.Desc
}

// NewRequestCollector returns a collector of the snapshot that source returns.
func NewRequestCollector(source func() Requests) *RequestCollector {
	return &RequestCollector{
		source:  source,
		count:   describe("http_requests_total", "HTTP requests that were answered, WebSocket handshakes included.", "app", "route", "status"),
		latency: describe("http_request_duration_seconds", "Time from receiving the head of a request to the end of the response. Polls and streams of HTTP sessions, which wait for events, are not included.", "route"),
	}
}

// Describe implements prometheus.Collector.
func (c *RequestCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.count
	out <- c.latency
}

// Collect implements prometheus.Collector.
func (c *RequestCollector) Collect(out chan<- prometheus.Metric) {
	s := c.source()
	for _, r := range s.Counts {
		out <- prometheus.MustNewConstMetric(c.count, prometheus.CounterValue, float64(r.Count), r.App, routeLabel(r.Route), codeLabel(r.Status, "other"))
	}
	for _, l := range s.Latencies {
		out <- prometheus.MustNewConstHistogram(c.latency, l.Count, l.Seconds, l.Buckets, routeLabel(l.Route))
	}
}

// routeLabel returns a route's pattern as a label, or "none".
func routeLabel(route string) string {
	if route == "" {
		return "none"
	}
	return route
}
