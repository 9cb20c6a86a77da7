package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// readers is the first paragraph below the title of a page of the manual: who the
// page is for, and what it answers.
var readers = regexp.MustCompile(`\A# [^\n]+\n\n> \*\*For\*\* [^\n]+\. \*\*Answers:\*\* [^\n]+[.?]\n\n`)

// mostLines is the length of a page of the manual.
const mostLines = 300

// unfinished are pages that do not name their reader yet, or are too long.
var unfinished = []string{
	"admin-api.md", "apps.md", "cli.md", "clients.md", "codes.md", "console-pictures.md", "console.md", "fallback.md", "from-socketio.md",
	"history.md", "http-api.md", "idempotency.md", "laravel.md", "moving.md", "private-channels.md", "protocol.md", "webhooks.md",
}

func TestDocs_EveryPageNamesItsReaderAndItsQuestion(t *testing.T) {
	for name, text := range manual(t) {
		if !readers.MatchString(text) && !slices.Contains(unfinished, name) {
			t.Errorf("docs/%s does not begin with its title and a line `> **For** whom. **Answers:** which question?`", name)
		}
		if n := strings.Count(text, "\n"); n > mostLines && !slices.Contains(unfinished, name) {
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

// A link to a heading of a page leads to a heading that is there.
func TestDocs_LinksToHeadingsLeadSomewhere(t *testing.T) {
	headings := map[string][]string{}
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(filepath.Dir(page), m[1])
			if m[2] == "" || strings.Contains(m[1], "://") || filepath.Ext(target) != ".md" {
				continue
			}
			if _, ok := headings[target]; !ok {
				headings[target] = headingsOf(t, target)
			}
			if !slices.Contains(headings[target], m[2][1:]) {
				t.Errorf("%s links to %s%s, a heading that is not there", page, m[1], m[2])
			}
		}
		for _, m := range regexp.MustCompile(`\]\((#[^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(headingsOf(t, page), m[1][1:]) {
				t.Errorf("%s links to its heading %s, which is not there", page, m[1])
			}
		}
	}
}

// headingsOf are the anchors that a page's headings get: small letters, a hyphen
// for each blank, no other marks.
func headingsOf(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		return nil // TestDocs_LinksLeadSomewhere says so
	}
	var anchors []string
	for _, m := range regexp.MustCompile(`(?m)^#{1,6} (.+)$`).FindAllStringSubmatch(string(text), -1) {
		anchors = append(anchors, strings.Map(func(c rune) rune {
			switch {
			case c == ' ':
				return '-'
			case unicode.IsLetter(c), unicode.IsDigit(c), c == '-', c == '_':
				return unicode.ToLower(c)
			}
			return -1
		}, m[1]))
	}
	return anchors
}
