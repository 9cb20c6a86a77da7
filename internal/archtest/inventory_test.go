package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ofManyPages are tests that find their pages themselves, or run what a page shows
// as files of the repository. They do not name the page.
var ofManyPages = []string{
	"Makefile", "config/docs_test.go", "internal/archtest/examples_test.go", "cmd/fanfare/bench_million_test.go",
	"test/chat/setup", "test/docs/from-socketio.test.mjs",
	"test/snippets/backends.test.mjs", "test/snippets/clients.test.mjs",
}

// Each block of code in a page has a line in test/docs/inventory.txt, which names
// what runs or compiles it: a new block without a test fails here.
func TestDocs_EveryBlockOfCodeHasATest(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "test", "docs", "inventory.txt"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) < 4 {
			t.Fatalf("%q has no test", line)
		}
		listed[strings.Join(fields[:3], " ")] = true
		for _, test := range fields[3:] {
			if test == "commands:" {
				test = "cmd/fanfare/manual_test.go"
			} else if !slices.Contains(ofManyPages, test) && !mentions(t, test, fields[0]) {
				t.Errorf("%s does not name %s", test, fields[0])
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(test))); err != nil {
				t.Errorf("%s: %v", fields[0], err)
			}
		}
	}
	found := map[string]bool{}
	for _, page := range pages(t) {
		name, err := filepath.Rel(root, page)
		if err != nil {
			t.Fatal(err)
		}
		for language, n := range languages(t, page) {
			found[fmt.Sprintf("%s %s %d", filepath.ToSlash(name), language, n)] = true
		}
	}
	for block := range found {
		if !listed[block] {
			t.Errorf("test/docs/inventory.txt has no line %q", block)
		}
	}
	for block := range listed {
		if !found[block] {
			t.Errorf("test/docs/inventory.txt has the line %q, and no page has these blocks", block)
		}
	}
}

// mentions reports whether a test names a page, by its path or within its folder.
func mentions(t *testing.T, test, page string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(test)))
	if err != nil {
		return true // said by the caller
	}
	name := filepath.Base(page)
	if name == "README.md" {
		name = page
	}
	return strings.Contains(string(text), strings.TrimSuffix(name, ".md"))
}

// languages counts the blocks of a page by the first word behind the fence, or -.
func languages(t *testing.T, page string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	count, open := map[string]int{}, false
	for line := range strings.Lines(string(text)) {
		info, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		if !fence {
			continue
		}
		if open = !open; open {
			language, _, _ := strings.Cut(info, " ")
			if language == "" {
				language = "-"
			}
			count[language]++
		}
	}
	return count
}
