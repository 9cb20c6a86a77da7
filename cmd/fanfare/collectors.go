package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"fanfare/metrics"
)

// collectors returns the metrics of everything except the hub.
func (s *server) collectors() []prometheus.Collector {
	list := []prometheus.Collector{
		metrics.NewWebhookCollector(webhookMetrics(s.hooks)), metrics.NewRequestCollector(requestMetrics(s.api)),
		metrics.MaxConnections(s.sockets.MaxConnections), metrics.LoopSockets(s.sockets.LoopSockets), metrics.NewAccountCollector(s.account), s.reloads,
	}
	if s.cfg.TLS.Enabled() { // a reload cannot change that
		list = append(list, metrics.CertificateExpiry(s.certificateExpires))
	}
	if s.traces.tracing != nil {
		list = append(list, metrics.NewTraceCollector(s.traces.metrics))
	}
	if s.cluster != nil {
		list = append(list, metrics.NewClusterCollector(s.cluster.metrics))
	}
	if s.mirror != nil {
		list = append(list, metrics.NewAppStoreCollector(s.storeMetrics))
	}
	return list
}
