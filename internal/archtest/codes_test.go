package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	codeConst = regexp.MustCompile(`(?m)^\tCode\w+ +(?:\w+ )?= (\d+)`)
	codeRow   = regexp.MustCompile("(?m)^\\| (\\d{3,4}|null) \\|(?: `([^`]+)` \\|)?")
)

// docs/codes.md has a row for every code that the server sends, no other code of
// the protocol, and only sentences that are in the sources.
func TestDocs_CodesAreThoseOfTheSources(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "codes.md"))
	if err != nil {
		t.Fatal(err)
	}
	codes, err := os.ReadFile(filepath.Join(root, "pusherproto", "codes.go"))
	if err != nil {
		t.Fatal(err)
	}
	counts, err := os.ReadFile(filepath.Join(root, "httpapi", "requestcounts.go"))
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"400", "401", "403", "413", "429"} // of a refused subscription
	for _, m := range codeConst.FindAllStringSubmatch(string(codes), -1) {
		if m[1] != "0" {
			known = append(known, m[1])
		}
	}
	if len(known) < 15 {
		t.Fatalf("codes.go has only %v", known)
	}
	listed := regexp.MustCompile(`countedStatuses = \[\.\.\.\]int\{([^}]*)\}`).FindStringSubmatch(string(counts))
	if listed == nil {
		t.Fatal("requestcounts.go has no list of statuses")
	}
	for status := range strings.SplitSeq(listed[1], ", ") {
		if status >= "400" {
			known = append(known, status)
		}
	}
	text := sources(t)
	var rows []string
	for _, m := range codeRow.FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, m[1])
		if m[2] != "" && !strings.Contains(text, m[2]) {
			t.Errorf("docs/codes.md says %q, which no source does", m[2])
		}
		if m[1] > "1999" && m[1] != "null" && !slices.Contains(known, m[1]) {
			t.Errorf("docs/codes.md has the code %s, which the server does not send", m[1])
		}
	}
	for _, code := range known {
		if !slices.Contains(rows, code) {
			t.Errorf("docs/codes.md has no row for %s", code)
		}
	}
}

// sources is the text of all Go files that are no tests, one behind the other.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{"pusherproto", "channels", "sockets", "httpapi", "cluster"} {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
	}
	return all.String()
}
