package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Webhooks is a snapshot of the delivery of webhooks.
type Webhooks struct {
	Endpoints []WebhookEndpoint
	Unsaved   int // changes that are not on disk yet, and that a crash would lose
}

// WebhookEndpoint is the state and the counters of one endpoint of an app.
type WebhookEndpoint struct {
	App      string // id
	Endpoint int    // place in the app's list, from 0
	Queued   int
	Sent     uint64
	Retried  uint64
	Failed   uint64
	Dropped  []WebhookDrop
	Down     bool
}

// WebhookDrop is the number of events of one class that were dropped for one reason.
type WebhookDrop struct {
	Class, Reason string
	Events        uint64
}

// WebhookCollector turns a snapshot of webhooks into metrics at each scrape. Create
// it with NewWebhookCollector.
type WebhookCollector struct {
	source  func() Webhooks
	queued  *prometheus.Desc
	down    *prometheus.Desc
	unsaved *prometheus.Desc
	dropped *prometheus.Desc
	counts  []webhookCount
}

type webhookCount struct {
	desc  *prometheus.Desc
	value func(*WebhookEndpoint) uint64
}

// NewWebhookCollector returns a collector of the snapshot that source returns.
func NewWebhookCollector(source func() Webhooks) *WebhookCollector {
	of := func(name, help string) *prometheus.Desc { return describe(name, help, "app", "endpoint") }
	return &WebhookCollector{
		source:  source,
		queued:  of("webhook_events_queued", "Events that wait for an endpoint or are being sent."),
		down:    of("webhook_endpoint_down", "1 while the last requests to an endpoint failed: five or more in a row."),
		unsaved: describe("webhook_store_unsaved", "Changes not yet written to webhooks.store. A crash would lose them."),
		dropped: describe("webhook_events_dropped_total", "Events that were never delivered. class: signed if causing the events needs a signature, unsigned if not. reason: queue_full, memory (memory is short), too_large (for the queue), refused (by the endpoint, for five minutes).", "app", "endpoint", "class", "reason"),
		counts: []webhookCount{
			{of("webhook_events_sent_total", "Events that an endpoint accepted with a 2xx answer."), func(e *WebhookEndpoint) uint64 { return e.Sent }},
			{of("webhook_retries_total", "Requests that repeated a failed one."), func(e *WebhookEndpoint) uint64 { return e.Retried }},
			{of("webhook_failures_total", "Requests without a 2xx answer in time."), func(e *WebhookEndpoint) uint64 { return e.Failed }},
		},
	}
}

// Describe implements prometheus.Collector.
func (c *WebhookCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.queued
	out <- c.down
	out <- c.unsaved
	out <- c.dropped
	for _, n := range c.counts {
		out <- n.desc
	}
}

// Collect implements prometheus.Collector.
func (c *WebhookCollector) Collect(out chan<- prometheus.Metric) {
	s := c.source()
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		index := strconv.Itoa(e.Endpoint)
		down := 0.0
		if e.Down {
			down = 1
		}
		out <- prometheus.MustNewConstMetric(c.queued, prometheus.GaugeValue, float64(e.Queued), e.App, index)
		out <- prometheus.MustNewConstMetric(c.down, prometheus.GaugeValue, down, e.App, index)
		for _, d := range e.Dropped {
			out <- prometheus.MustNewConstMetric(c.dropped, prometheus.CounterValue, float64(d.Events), e.App, index, d.Class, d.Reason)
		}
		for _, n := range c.counts {
			out <- prometheus.MustNewConstMetric(n.desc, prometheus.CounterValue, float64(n.value(e)), e.App, index)
		}
	}
	out <- prometheus.MustNewConstMetric(c.unsaved, prometheus.GaugeValue, float64(s.Unsaved))
}
