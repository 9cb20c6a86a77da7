package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"fanfare/config"
)

// docs/metrics.md has whatever a running server measures.
func TestMetrics_AreInTheManual(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	r := startSecured(t, "first.example")
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for _, c := range r.collectors() {
		descs := make(chan *prometheus.Desc, 100)
		c.Describe(descs)
		close(descs)
		for d := range descs {
			m := name.FindStringSubmatch(d.String())
			if m == nil || !strings.Contains(string(page), "| `"+m[1]+"` |") {
				t.Errorf("docs/metrics.md has no row for %s", d)
			}
		}
	}
}

// The time at which the certificate expires is measured where there is to be one,
// and is 0 while there is none.
func TestMetrics_CertificateExpiry_OnlyWithTLS(t *testing.T) {
	const name = "fanfare_tls_certificate_expiry_timestamp_seconds"
	expiry := func(s *server) (values []float64) {
		registry := prometheus.NewRegistry()
		registry.MustRegister(s.collectors()...)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == name {
				values = append(values, f.GetMetric()[0].GetGauge().GetValue())
			}
		}
		return values
	}
	if got := expiry(start(t, nil).server); len(got) != 0 {
		t.Errorf("without TLS it is %v, want none", got)
	}
	secured := startSecured(t, "first.example")
	if got, want := expiry(secured.server), float64(secured.certificate.Load().Leaf.NotAfter.Unix()); len(got) != 1 || got[0] != want {
		t.Errorf("with a certificate from files it is %v, want %v", got, want)
	}
	pending := startAndEnd(t, func(cfg *config.Config) {
		cfg.TLS.ACME.Domains, cfg.TLS.ACME.Storage = []string{"ws.example"}, t.TempDir()
		cfg.TLS.ACME.Directory = "https://127.0.0.1:1/directory"
	})
	if got := expiry(pending.server); len(got) != 1 || got[0] != 0 {
		t.Errorf("before ACME has given a certificate it is %v, want 0", got)
	}
}
