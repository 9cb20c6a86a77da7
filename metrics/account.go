package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"fanfare/internal/account"
)

// AccountCollector exposes what the process holds in memory for clients and API
// callers. Create it with NewAccountCollector.
type AccountCollector struct {
	account                                  *account.Account
	held, bytes, inUse, highWater, shortness *prometheus.Desc
}

// NewAccountCollector returns a collector of the process's account.
func NewAccountCollector(a *account.Account) *AccountCollector {
	return &AccountCollector{
		account:   a,
		held:      describe("held", "Objects that the server holds in memory for clients and API callers, by kind.", "kind"),
		bytes:     describe("held_bytes", "Memory of the objects that fanfare_held counts, by kind.", "kind"),
		inUse:     describe("memory_in_use_bytes", "Memory in use by the process at the last check, without garbage, plus what its cgroup takes beyond the tenth reserved for it. 0 without a memory limit."),
		highWater: describe("memory_high_water_bytes", "Memory in use above which the server refuses what is new. 0 without a memory limit."),
		shortness: describe("memory_short", "1 while the server refuses what is new, because more memory is in use than memory_high_water_bytes."),
	}
}

// Describe implements prometheus.Collector.
func (c *AccountCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.held, c.bytes, c.inUse, c.highWater, c.shortness} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *AccountCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for k := range account.Kinds {
		k := account.Kind(k)
		gauge(c.held, float64(c.account.Count(k)), k.String())
		gauge(c.bytes, float64(c.account.BytesOf(k)), k.String())
	}
	gauge(c.inUse, float64(c.account.Measured()))
	gauge(c.highWater, float64(c.account.Most()))
	short := 0.0
	if c.account.Full() {
		short = 1
	}
	gauge(c.shortness, short)
}
