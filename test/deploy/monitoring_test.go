package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// all are the metrics of docs/metrics.md, and those of the process that a
// running server has beside them.
func all(t *testing.T) map[string]metric {
	t.Helper()
	known := with(documented(t), ofPrometheus)
	for _, m := range regexp.MustCompile(`(?m)^# TYPE ((?:process|go)_[a-z_]+) `).FindAllStringSubmatch(scraped(t), -1) {
		known[m[1]] = metric{}
	}
	return known
}

func TestAlerts_AreTakenByPrometheusAndTested(t *testing.T) {
	folder := filepath.Join(files, "monitoring")
	passes(t, folder, promtool(t), "check", "rules", "--lint-fatal", "alerts.yml")
	passes(t, folder, promtool(t), "test", "rules", "alerts_test.yml")
	for name := range alerts(t) {
		if n := strings.Count(string(read(t, "monitoring/alerts_test.yml")), "alertname: "+name+"\n"); n < 2 {
			t.Errorf("alerts_test.yml does not say when %s fires and when it does not", name)
		}
	}
}

func TestAlerts_NameMetricsThatThereAre(t *testing.T) {
	known := all(t)
	for name, expression := range alerts(t) {
		holds(t, known, name, expression, map[string]bool{})
	}
}

// The autoscaler's metric is made of one that there is.
func TestAdapter_NamesMetricsThatThereAre(t *testing.T) {
	var values struct {
		Rules struct {
			Custom []struct{ SeriesQuery, MetricsQuery string }
		}
	}
	if err := yaml.Unmarshal(read(t, "monitoring/prometheus-adapter.yaml"), &values); err != nil {
		t.Fatal(err)
	}
	for name, m := range documented(t) {
		known := map[string]metric{name: {append(m.labels, "namespace", "pod")}}
		for _, rule := range values.Rules.Custom {
			if !strings.HasPrefix(rule.SeriesQuery, name+"{") {
				continue
			}
			query := strings.NewReplacer("<<.Series>>", name, "<<.LabelMatchers>>", `namespace="web"`, "<<.GroupBy>>", "pod").Replace(rule.MetricsQuery)
			found := map[string]bool{}
			holds(t, known, name, rule.SeriesQuery, found)
			holds(t, known, name, query, found)
			if name == "fanfare_sockets" && found[name] {
				return
			}
		}
	}
	t.Error("nothing makes the metric fanfare_sockets, which the chart scales by")
}

func TestPrometheus_ConfigurationIsTaken(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"compose/prometheus.yml", "monitoring/alerts.yml"} {
		write(t, filepath.Join(folder, filepath.Base(name)), read(t, name))
	}
	passes(t, folder, promtool(t), "check", "config", "prometheus.yml")
}

// alerts are the expressions of all rules by the name of the alert.
func alerts(t *testing.T) map[string]string {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(read(t, "monitoring/alerts.yml"), &rules); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			found[r.Alert] = r.Expr
		}
	}
	if len(found) < 20 {
		t.Fatalf("only %d alerts", len(found))
	}
	return found
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct{ RefID, Expr, LegendFormat string }
}

type dashboard struct {
	UID, Title  string
	Panels      []panel
	Annotations struct {
		List []struct{ Name, Expr string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

func TestDashboard_NamesMetricsThatThereAre(t *testing.T) {
	known, found := all(t), map[string]bool{}
	d := board(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			holds(t, known, p.Title, target.Expr, found)
		}
	}
	for _, a := range d.Annotations.List {
		holds(t, known, a.Name, a.Expr, found)
	}
	for _, v := range d.Templating.List {
		if m := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(v.Definition); m != nil {
			holds(t, known, v.Name, "sum by ("+m[2]+") ("+m[1]+")", found)
		} else if v.Type == "query" {
			t.Errorf("cannot read the variable %s: %s", v.Name, v.Definition)
		}
	}
	// What an operator on call looks at.
	for _, name := range []string{
		"fanfare_sockets", "fanfare_frames_sent_total", "fanfare_messages_received_total", "fanfare_http_request_duration_seconds",
		"fanfare_refusals_total", "fanfare_slow_readers_total", "fanfare_webhook_events_queued", "fanfare_held_bytes",
		"fanfare_cluster_partitions", "fanfare_cluster_lag_seconds", "fanfare_cluster_gaps_total",
	} {
		if !found[name] {
			t.Errorf("the dashboard does not show %s; it shows %q", name, slices.Sorted(maps.Keys(found)))
		}
	}
}

func TestDashboard_PanelsAreWholeAndBesideEachOther(t *testing.T) {
	ids, places := map[int]bool{}, map[string]string{}
	for _, p := range board(t).Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("%s: the id %d is missing or used twice", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("%s has no description or no query", p.Title)
		}
		g := p.GridPos
		if g.X+g.W > 24 || g.W <= 0 || g.H <= 0 {
			t.Errorf("%s is beside the grid: %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				place := fmt.Sprint(x, " ", y)
				if places[place] != "" {
					t.Fatalf("%s and %s lie on each other", p.Title, places[place])
				}
				places[place] = p.Title
			}
		}
	}
}

func board(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal(read(t, "monitoring/dashboard.json"), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 20 {
		t.Fatalf("only %d panels", len(d.Panels))
	}
	return d
}
