package metrics

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"fanfare/channels"
)

// Source gives the snapshot that a scrape shows; *channels.Hub is one.
type Source interface {
	Stats() channels.Stats
}

// Collector turns a Source's snapshot into metrics at each scrape. Make one
// with NewCollector.
type Collector struct {
	source   Source
	ready    func() bool
	sockets  *prometheus.Desc
	channels *prometheus.Desc
	refusals *prometheus.Desc
	up       *prometheus.Desc
	counters []counter
}

// counter is one count of the whole node.
type counter struct {
	desc  *prometheus.Desc
	value func(channels.Stats) uint64
}

// NewCollector returns a collector of source. ready is what /readyz answers;
// nil leaves fanfare_ready out.
func NewCollector(source Source, ready func() bool) *Collector {
	return &Collector{
		source:   source,
		ready:    ready,
		sockets:  describe("sockets", "Open sockets of an app on this node.", "app"),
		channels: describe("channels", "Channels of an app with a subscriber on this node.", "app"),
		refusals: describe("refusals_total", "Refusals by protocol code or HTTP status; null is an error that closes nothing.", "code"),
		up:       describe("ready", "1 while new sockets are welcome, 0 while starting or draining."),
		counters: []counter{
			{describe("events_published_total", "Events accepted from the HTTP API, each once however many channels it goes to."), func(s channels.Stats) uint64 { return s.Published }},
			{describe("client_events_total", "Client events accepted."), func(s channels.Stats) uint64 { return s.ClientEvents }},
			{describe("messages_received_total", "Messages read from sockets."), func(s channels.Stats) uint64 { return s.MessagesReceived }},
			{describe("received_bytes_total", "Bytes read from sockets."), func(s channels.Stats) uint64 { return s.BytesReceived }},
			{describe("frames_sent_total", "Frames written to sockets."), func(s channels.Stats) uint64 { return s.FramesSent }},
			{describe("sent_bytes_total", "Bytes written to sockets."), func(s channels.Stats) uint64 { return s.BytesSent }},
			{describe("socket_writes_total", "Write calls; frames_sent_total over it is how well frames batch."), func(s channels.Stats) uint64 { return s.Writes }},
			{describe("slow_readers_total", "Sockets closed because they did not read what waited for them."), func(s channels.Stats) uint64 { return s.SlowReaders }},
		},
	}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("fanfare_"+name, help, labels, nil)
}

// Describe sends every metric there is, as prometheus.Collector asks.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.sockets
	out <- c.channels
	out <- c.refusals
	if c.ready != nil {
		out <- c.up
	}
	for _, n := range c.counters {
		out <- n.desc
	}
}

// Collect takes one snapshot and sends all of it, as prometheus.Collector
// asks.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	s := c.source.Stats()
	for _, app := range s.Apps {
		out <- prometheus.MustNewConstMetric(c.sockets, prometheus.GaugeValue, float64(app.Sockets), app.ID)
		out <- prometheus.MustNewConstMetric(c.channels, prometheus.GaugeValue, float64(app.Channels), app.ID)
	}
	for _, r := range byCode(s.Refusals) {
		out <- prometheus.MustNewConstMetric(c.refusals, prometheus.CounterValue, float64(r.n), r.code)
	}
	if c.ready != nil {
		ready := 0.0
		if c.ready() {
			ready = 1
		}
		out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, ready)
	}
	for _, n := range c.counters {
		out <- prometheus.MustNewConstMetric(n.desc, prometheus.CounterValue, float64(n.value(s)))
	}
}

type refusal struct {
	code string
	n    uint64
}

// byCode gives refusals the label values they are shown under.
func byCode(counts map[int]uint64) []refusal {
	list := make([]refusal, 0, len(counts))
	for code, n := range counts {
		label := strconv.Itoa(code)
		if code == 0 {
			label = "null"
		}
		list = append(list, refusal{label, n})
	}
	slices.SortFunc(list, func(a, b refusal) int { return cmp.Compare(a.code, b.code) })
	return list
}
