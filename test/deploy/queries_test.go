package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var query = regexp.MustCompile(`(?m)^    (.*\bfanfare_[a-z_]+.*)$`)

// The queries in the pages can be read by Prometheus, and ask for metrics and labels
// that there are.
func TestQueries_OfThePages(t *testing.T) {
	known, checked := all(t), 0
	for _, page := range []string{"docs/metrics.md", "docs/security.md"} {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range query.FindAllStringSubmatch(string(text), -1) {
			checked++
			holds(t, known, page, m[1], map[string]bool{})
		}
	}
	if checked < 8 {
		t.Errorf("found %d queries: the pages are not read right", checked)
	}
}
