package metrics

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"fanfare/channels"
	"fanfare/internal/account"
)

var description = regexp.MustCompile(`^Desc\{fqName: "(.*)", help: "(.*?)"(?:, unit: ".*")?, constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

// row is a metric as a row of docs/metrics.md.
func row(t *testing.T, d *prometheus.Desc) string {
	t.Helper()
	m := description.FindStringSubmatch(d.String())
	if m == nil {
		t.Fatalf("cannot read %s", d)
	}
	var labels []string
	for _, label := range append(strings.Split(m[3], ","), strings.Split(m[4], ",")...) {
		if name, _, _ := strings.Cut(label, "="); name != "" {
			labels = append(labels, "`"+name+"`")
		}
	}
	return fmt.Sprintf("| `%s` | %s | %s |", m[1], strings.Join(labels, ", "), m[2])
}

// The page has every metric with its labels and its help, and no other.
func TestDocs_SayWhatEachMetricIs(t *testing.T) {
	descs := make(chan *prometheus.Desc, 1000)
	hub := channels.New(channels.Config{})
	registry := registry(NewCollector(hub, func() bool { return true }), "v",
		NewWebhookCollector(func() Webhooks { return Webhooks{} }), NewRequestCollector(func() Requests { return Requests{} }), MaxConnections(func() int { return 0 }), CertificateExpiry(func() time.Time { return time.Time{} }), LoopSockets(func() []int { return nil }), NewReloads(), NewAppStoreCollector(func() AppStore { return AppStore{} }), NewAccountCollector(account.New(0)),
		NewClusterCollector(func() Cluster { return Cluster{} }), NewTraceCollector(func() Traces { return Traces{} }))
	registry.Describe(descs)
	close(descs)
	var want []string
	for d := range descs {
		if r := row(t, d); strings.Contains(r, "`fanfare_") {
			want = append(want, r)
		}
	}
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(page)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| `fanfare_") {
			got = append(got, line)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/metrics.md (-code +page):\n%s", diff)
	}
}

// Every reason and close code of the program is in the page, so that an alert
// can name it.
func TestDocs_NameEveryReason(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range channels.Reasons() {
		if !strings.Contains(string(page), "`"+string(reason)+"`") {
			t.Errorf("docs/metrics.md does not name the reason %s", reason)
		}
	}
	listed := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(page), -1)
	for _, m := range listed {
		if !strings.HasPrefix(m[1], "fanfare_") && !slices.Contains(channels.Reasons(), channels.Reason(m[1])) {
			t.Errorf("docs/metrics.md names the reason %s, which there is not", m[1])
		}
	}
}
