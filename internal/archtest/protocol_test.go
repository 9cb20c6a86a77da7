package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A row of docs/protocol.md ends in the test that shows it: a Go package and a
// test function, or a file of the end-to-end suite and a test's name.
var shownBy = regexp.MustCompile("\\| `([^`]+)` ([^|]+) \\|$")

func TestProtocolTable_EveryTestExists(t *testing.T) {
	root := filepath.Join("..", "..")
	doc, err := os.ReadFile(filepath.Join(root, "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(doc)) {
		row := shownBy.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		rows++
		place, name := row[1], row[2]
		pattern, needle := filepath.Join(root, place, "*_test.go"), "func "+name+"("
		if strings.HasSuffix(place, ".mjs") {
			pattern, needle = filepath.Join(root, "test", "*", place), name
		}
		if !anyFileHas(t, pattern, needle) {
			t.Errorf("docs/protocol.md names %q in %s, which has no such test", name, place)
		}
	}
	if rows < 50 {
		t.Errorf("found %d rows with a test: the table is not read right", rows)
	}
}

// A row of docs/cluster-protocol-tests.md ends in the tests that show it, those of
// each package behind its path.
func TestClusterProtocol_EveryScenarioExists(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(root, "docs", "cluster-protocol-tests.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "## Failures and their tests")
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what could go wrong") {
			continue
		}
		rows++
		for tests := range strings.SplitSeq(cells[len(cells)-1], "; ") {
			place, names, ok := strings.Cut(strings.TrimPrefix(tests, "`"), "` ")
			if !ok {
				t.Errorf("%q is no package with its tests", tests)
			}
			for name := range strings.SplitSeq(names, ", ") {
				if !anyFileHas(t, filepath.Join(root, place, "*_test.go"), "func "+name+"(") {
					t.Errorf("docs/cluster-protocol-tests.md names %q in %s, which has no such test", name, place)
				}
			}
		}
	}
	if rows < 25 {
		t.Errorf("found %d rows: the table is not read right", rows)
	}
}

func anyFileHas(t *testing.T, pattern, needle string) bool {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), needle) {
			return true
		}
	}
	return false
}
