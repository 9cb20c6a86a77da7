package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// metric is what docs/metrics.md says of one, which a test of package metrics
// holds to the code.
type metric struct{ labels []string }

var row = regexp.MustCompile("(?m)^\\| `(fanfare_[a-z_]+)` \\| ([^|]*) \\|")

func documented(t *testing.T) map[string]metric {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs/metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]metric{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		var names []string
		for name := range strings.SplitSeq(m[2], ",") {
			if name = strings.Trim(name, " `"); name != "" {
				names = append(names, name)
			}
		}
		found[m[1]] = metric{names}
	}
	if len(found) < 50 {
		t.Fatalf("only %d metrics in docs/metrics.md", len(found))
	}
	return found
}

// ofPrometheus are series that Prometheus itself makes.
var ofPrometheus = map[string]metric{"up": {}, "ALERTS": {[]string{"alertname", "alertstate"}}}

// holds checks that an expression can be read, names metrics that there are,
// and no label that they lack. found collects the metrics.
func holds(t *testing.T, known map[string]metric, where, expression string, found map[string]bool) {
	t.Helper()
	expression = strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*", "$app", ".*").Replace(expression)
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		t.Errorf("%s: %v in %s", where, err, expression)
		return
	}
	var series []*parser.VectorSelector
	var grouping []string
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			series = append(series, n)
		case *parser.AggregateExpr:
			grouping = append(grouping, n.Grouping...)
		}
		return nil
	})
	if len(series) == 0 {
		t.Errorf("%s: no metric in %s", where, expression)
	}
	some := map[string]bool{}
	for _, s := range series {
		name, histogram := s.Name, false
		if base, ok := strings.CutSuffix(name, "_bucket"); ok {
			name, histogram = base, true
		}
		m, ok := known[name]
		if !ok {
			t.Errorf("%s: there is no metric %s", where, s.Name)
			continue
		}
		found[name] = true
		own := slices.Concat(m.labels, []string{"job", "instance", "__name__"})
		if histogram {
			own = append(own, "le")
		}
		for _, matcher := range s.LabelMatchers {
			if !slices.Contains(own, matcher.Name) {
				t.Errorf("%s: %s has no label %s", where, name, matcher.Name)
			}
			hasValue(t, where, name, matcher)
		}
		for _, label := range own {
			some[label] = true
		}
	}
	for _, label := range grouping {
		if !some[label] {
			t.Errorf("%s: groups by %s, which nothing in %s has", where, label, expression)
		}
	}
}

// hasValue checks the values that a matcher names of labels whose values
// docs/metrics.md lists.
func hasValue(t *testing.T, where, name string, matcher *labels.Matcher) {
	t.Helper()
	if !slices.Contains([]string{"reason", "state", "class", "kind"}, matcher.Name) {
		return
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	for value := range strings.SplitSeq(matcher.Value, "|") {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(value) + `\b`).Match(page) {
			t.Errorf("%s: docs/metrics.md does not know the %s %q of %s", where, matcher.Name, value, name)
		}
	}
}

// with is one map of both.
func with(a, b map[string]metric) map[string]metric {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}
