package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// AppStore is the state of the database with the apps.
type AppStore struct {
	Up               bool
	LastSuccess      time.Time
	Apps, Unreadable int
}

// NewAppStoreCollector returns a collector of the app store's metrics; state returns its current state.
func NewAppStoreCollector(state func() AppStore) prometheus.Collector {
	return appStoreCollector{state}
}

type appStoreCollector struct{ state func() AppStore }

var (
	appStoreUp          = prometheus.NewDesc("fanfare_app_store_up", "1 if the last query of the apps' database succeeded.", nil, nil)
	appStoreLastSuccess = prometheus.NewDesc("fanfare_app_store_last_success_timestamp_seconds", "Time of the last successful query of the database, in Unix time. The apps in use are as of then.", nil, nil)
	appStoreApps        = prometheus.NewDesc("fanfare_app_store_apps", "Apps of the database that are served.", nil, nil)
	appStoreUnreadable  = prometheus.NewDesc("fanfare_app_store_unreadable_apps", "Apps of the database that cannot be used; the log says why.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c appStoreCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{appStoreUp, appStoreLastSuccess, appStoreApps, appStoreUnreadable} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c appStoreCollector) Collect(out chan<- prometheus.Metric) {
	s := c.state()
	up := 0.0
	if s.Up {
		up = 1
	}
	gauge := func(d *prometheus.Desc, v float64) { out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(appStoreUp, up)
	gauge(appStoreLastSuccess, float64(s.LastSuccess.UnixNano())/1e9)
	gauge(appStoreApps, float64(s.Apps))
	gauge(appStoreUnreadable, float64(s.Unreadable))
}
