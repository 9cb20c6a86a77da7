package metrics

import (
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves GET /metrics with the metrics of c and further, those of the
// Go runtime and the process, and fanfare_build_info with the version. GET
// /ready and GET /usage answer as in soketi.
func Handler(c *Collector, version string, further ...prometheus.Collector) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", inTurn(promhttp.HandlerFor(registry(c, version, further...), promhttp.HandlerOpts{})))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "fanfare: metrics are at /metrics\n")
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if c.ready != nil && !c.ready() {
			http.Error(w, "the server is starting or shutting down", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "OK")
	})
	mux.HandleFunc("GET /usage", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(usage())
	})
	return mux
}

// scrapesAtOnce is the maximum number of scrapes that are answered at the same time.
const scrapesAtOnce = 4

// inTurn delays requests while scrapesAtOnce others are being answered, until
// the caller disconnects.
func inTurn(h http.Handler) http.Handler {
	turns := make(chan struct{}, scrapesAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
			h.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
}

func registry(c *Collector, version string, further ...prometheus.Collector) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "fanfare_build_info",
		Help:        "Always 1. The label is the version of the server.",
		ConstLabels: prometheus.Labels{"version": version},
	}, func() float64 { return 1 })
	registry.MustRegister(c, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(further...)
	return registry
}

// Server returns an HTTP server of h with timeouts for slow callers.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}
