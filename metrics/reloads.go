package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reloads counts reloads of the configuration. It implements prometheus.Collector.
type Reloads struct {
	all     *prometheus.CounterVec
	good    prometheus.Gauge
	changed prometheus.Gauge
}

// NewReloads returns a Reloads. It counts the current time as that of the first
// configuration.
func NewReloads() *Reloads {
	r := &Reloads{
		all: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fanfare_config_reloads_total", Help: "Reloads of the configuration. result is success or failure.",
		}, []string{"result"}),
		good: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "fanfare_config_last_reload_successful", Help: "1 unless the last reload was refused and changed nothing.",
		}),
		changed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "fanfare_config_last_reload_success_timestamp_seconds", Help: "Time at which the configuration in force was read, in Unix time.",
		}),
	}
	r.all.WithLabelValues("success")
	r.all.WithLabelValues("failure")
	r.good.Set(1)
	r.changed.SetToCurrentTime()
	return r
}

// Done records the result of a reload.
func (r *Reloads) Done(ok bool, at time.Time) {
	if !ok {
		r.all.WithLabelValues("failure").Inc()
		r.good.Set(0)
		return
	}
	r.all.WithLabelValues("success").Inc()
	r.good.Set(1)
	r.changed.Set(float64(at.UnixNano()) / 1e9)
}

// Describe implements prometheus.Collector.
func (r *Reloads) Describe(out chan<- *prometheus.Desc) {
	r.all.Describe(out)
	r.good.Describe(out)
	r.changed.Describe(out)
}

// Collect implements prometheus.Collector.
func (r *Reloads) Collect(out chan<- prometheus.Metric) {
	r.all.Collect(out)
	r.good.Collect(out)
	r.changed.Collect(out)
}
