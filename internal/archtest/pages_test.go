package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readers is the first paragraph below the title of a page of the manual: who the
// page is for, and what it answers.
var readers = regexp.MustCompile(`\A# [^\n]+\n\n> \*\*For\*\* [^\n]+\. \*\*Answers:\*\* [^\n]+[.?]\n\n`)

// mostLines is the length of a page of the manual.
const mostLines = 300

func TestDocs_EveryPageNamesItsReaderAndItsQuestion(t *testing.T) {
	for name, text := range manual(t) {
		if !readers.MatchString(text) {
			t.Errorf("docs/%s does not begin with its title and a line `> **For** whom. **Answers:** which question?`", name)
		}
		if n := strings.Count(text, "\n"); n > mostLines {
			t.Errorf("docs/%s has %d lines; split what is over %d", name, n, mostLines)
		}
	}
}

// manual are the pages below docs, by their path there.
func manual(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	top := filepath.Join(root, "docs")
	for _, page := range pages(t) {
		name, err := filepath.Rel(top, page)
		if err != nil || strings.HasPrefix(name, "..") {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.ToSlash(name)] = string(text)
	}
	if len(found) < 20 {
		t.Fatalf("found only %d pages: they are not read right", len(found))
	}
	return found
}
