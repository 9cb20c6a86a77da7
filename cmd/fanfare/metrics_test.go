package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// docs/metrics.md has whatever a running server measures.
func TestMetrics_AreInTheManual(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, nil)
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
