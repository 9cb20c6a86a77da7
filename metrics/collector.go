package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fanfare/channels"
)

// Source returns the snapshot that a scrape exposes; *channels.Hub implements it.
type Source interface {
	Stats() channels.Stats
}

// Collector turns a Source's snapshot into metrics at each scrape. Create it with
// NewCollector.
type Collector struct {
	source        Source
	ready         func() bool
	up            *prometheus.Desc
	refusals      *prometheus.Desc
	subscriptions *prometheus.Desc
	closed        *prometheus.Desc
	dropped       *prometheus.Desc
	ofApp         []figure[channels.AppStats]
	ofNode        []figure[channels.Stats]
}

// figure is one number of a snapshot.
type figure[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*T) float64
}

// NewCollector returns a collector of source. ready is the state that /readyz
// reports; nil leaves fanfare_ready out.
func NewCollector(source Source, ready func() bool) *Collector {
	const count, gauge = prometheus.CounterValue, prometheus.GaugeValue
	type app = channels.AppStats
	type node = channels.Stats
	of := func(name, help string) *prometheus.Desc { return describe(name, help, "app") }
	return &Collector{
		source:        source,
		ready:         ready,
		up:            describe("ready", "1 while the server accepts new sockets, 0 while it starts or shuts down."),
		refusals:      describe("refusals_total", "Requests, connections and messages that were refused. code is a protocol code, a close code or an HTTP status; app is empty if the app is unknown.", "app", "code", "reason"),
		subscriptions: describe("subscriptions", "Subscriptions of sockets, by kind of channel.", "app", "kind"),
		closed:        describe("connections_closed_total", "Connections that ended, by close code. 1006 is a lost connection; other is any unlisted code.", "app", "code"),
		dropped:       describe("history_dropped_events_total", "Events dropped from histories. reason is events (the rule's maximum), ttl, bytes (max_history_bytes, or the server's memory, is full) or cleared.", "app", "reason"),
		ofApp: []figure[app]{
			{of("sockets", "Open sockets."), gauge, func(s *app) float64 { return float64(s.Sockets) }},
			{of("channels", "Channels with a subscriber on this node."), gauge, func(s *app) float64 { return float64(s.Channels) }},
			{of("app_held_bytes", "Memory held for the app: subscriptions, channels, members, events of cache channels and histories, waiting messages and bodies."), gauge, func(s *app) float64 { return float64(s.HeldBytes) }},
			{of("history_events", "Events in the histories of channels on this node."), gauge, func(s *app) float64 { return float64(s.History.Events) }},
			{of("history_bytes", "Memory of the events in histories."), gauge, func(s *app) float64 { return float64(s.History.Bytes) }},
			{of("presence_members", "Members of the presence channels with a subscriber on this node, members on other nodes included. A user counts once per channel."), gauge, func(s *app) float64 { return float64(s.Members) }},
			{of("connections_opened_total", "Connections that were established, over any transport."), count, func(s *app) float64 { return float64(s.Opened) }},
			{of("events_published_total", "Events accepted from the HTTP API. An event for several channels counts once."), count, func(s *app) float64 { return float64(s.Published) }},
			{of("client_events_total", "Client events accepted."), count, func(s *app) float64 { return float64(s.ClientEvents) }},
			{of("messages_received_total", "Messages read from sockets."), count, func(s *app) float64 { return float64(s.MessagesReceived) }},
			{of("received_bytes_total", "Bytes read from sockets."), count, func(s *app) float64 { return float64(s.BytesReceived) }},
			{of("frames_sent_total", "Frames written to sockets."), count, func(s *app) float64 { return float64(s.FramesSent) }},
			{of("sent_bytes_total", "Bytes written to sockets."), count, func(s *app) float64 { return float64(s.BytesSent) }},
		},
		ofNode: []figure[node]{
			{describe("socket_writes_total", "Write calls. frames_sent_total divided by it is the number of frames per write."), count, func(s *node) float64 { return float64(s.Writes) }},
			{describe("slow_readers_total", "Sockets closed because their queue was full."), count, func(s *node) float64 { return float64(s.SlowReaders) }},
		},
	}
}

// MaxConnections returns the metric of the maximum number of sockets, which bound
// returns; 0 means no limit.
func MaxConnections(bound func() int) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fanfare_max_connections",
		Help: "Maximum number of sockets on this node, from sockets.max_connections or the limit of open files. 0 means no limit.",
	}, func() float64 { return float64(bound()) })
}

// CertificateExpiry returns the metric of the expiry of the certificate in use,
// which at returns; the zero Time means that there is none yet. Only a server
// with TLS has this metric.
func CertificateExpiry(at func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fanfare_tls_certificate_expiry_timestamp_seconds",
		Help: "Expiry of the certificate for new connections, in Unix time. 0 while there is none; absent without tls.",
	}, func() float64 {
		if at := at(); !at.IsZero() {
			return float64(at.Unix())
		}
		return 0
	})
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("fanfare_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	if c.ready != nil {
		out <- c.up
	}
	out <- c.refusals
	out <- c.subscriptions
	out <- c.closed
	out <- c.dropped
	for _, f := range c.ofApp {
		out <- f.desc
	}
	for _, f := range c.ofNode {
		out <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	s := c.source.Stats()
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	if c.ready != nil {
		ready := 0.0
		if c.ready() {
			ready = 1
		}
		send(c.up, prometheus.GaugeValue, ready)
	}
	for _, r := range s.Refused {
		send(c.refusals, prometheus.CounterValue, float64(r.Count), r.App, codeLabel(r.Code, "null"), string(r.Reason))
	}
	for i := range s.Apps {
		app := &s.Apps[i]
		for _, f := range c.ofApp {
			send(f.desc, f.kind, f.value(app), app.ID)
		}
		for _, k := range app.Subscriptions {
			send(c.subscriptions, prometheus.GaugeValue, float64(k.Subscriptions), app.ID, k.Kind)
		}
		for _, d := range app.History.Dropped {
			send(c.dropped, prometheus.CounterValue, float64(d.Events), app.ID, d.Reason)
		}
		for _, e := range app.Closed {
			send(c.closed, prometheus.CounterValue, float64(e.Count), app.ID, codeLabel(e.Code, "other"))
		}
	}
	for _, f := range c.ofNode {
		send(f.desc, f.kind, f.value(&s))
	}
}

// codeLabel returns a code as a label, or without for code 0.
func codeLabel(code int, without string) string {
	if code == 0 {
		return without
	}
	return strconv.Itoa(code)
}
