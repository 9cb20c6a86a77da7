package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// specPage is the text of a page of docs/spec.
func specPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "spec", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// specPages are the names of the pages of docs/spec.
func specPages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "docs", "spec", "*.md"))
	if err != nil || len(found) < 10 {
		t.Fatalf("docs/spec has %d pages: %v", len(found), err)
	}
	for i, path := range found {
		found[i] = filepath.Base(path)
	}
	return found
}

// section is what stands below a heading, up to the next one of its level.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, below, ok := strings.Cut(specPage(t, page), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/spec/%s has no heading %q", page, heading)
	}
	text, _, _ := strings.Cut(below, "\n## ")
	return text
}

func TestSpec_EveryPageIsInItsIndex(t *testing.T) {
	index := specPage(t, "README.md")
	for _, page := range specPages(t) {
		if page != "README.md" && !strings.Contains(index, "]("+page+")") {
			t.Errorf("docs/spec/README.md does not lead to %s", page)
		}
	}
}

var (
	headingLine = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the headings of a Markdown text, as links name them.
func anchors(text string) (all []string) {
	for _, m := range headingLine.FindAllStringSubmatch(text, -1) {
		plain := notInAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

var (
	newLine  = regexp.MustCompile(`\s*\n\s*(?://|#|\*) ?`)
	citation = regexp.MustCompile(`docs/spec/([a-z-]+\.md)(?:#([a-z0-9-]+)|, cases? (\d+(?: to \d+)?(?:, \d+(?: to \d+)?)*))?`)
	oldStyle = regexp.MustCompile(`\b[Ss]pec: (?:websocket|http-|webhooks|edge)`)
	number   = regexp.MustCompile(`\d+`)
	caseRow  = regexp.MustCompile(`(?m)^\| (\d+) \|`)
)

// A comment that cites a page of docs/spec names a heading there, or numbers of
// cases.
func TestSpec_CitationsLeadSomewhere(t *testing.T) {
	found := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".mjs", ".js", ".py"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !strings.Contains(string(text), "docs/spec/") && !strings.Contains(string(text), "pec: ") {
			return nil
		}
		joined := newLine.ReplaceAllString(string(text), " ")
		if old := oldStyle.FindString(joined); old != "" {
			t.Errorf("%s cites %q; cite a page of docs/spec and its heading", path, old)
		}
		for _, m := range citation.FindAllStringSubmatch(joined, -1) {
			found++
			checkCitation(t, path, m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 150 {
		t.Errorf("found %d citations: they are not read right", found)
	}
}

// checkCitation checks the parts of a citation: its page, and a heading or cases.
func checkCitation(t *testing.T, path string, m []string) {
	t.Helper()
	page, heading, cases := m[1], m[2], m[3]
	if !slices.Contains(specPages(t), page) {
		t.Errorf("%s cites docs/spec/%s, which is not there", path, page)
		return
	}
	text := specPage(t, page)
	switch {
	case heading != "":
		if !slices.Contains(anchors(text), heading) {
			t.Errorf("%s cites %s, which is no heading there", path, m[0])
		}
	case cases == "":
		t.Errorf("%s cites %s without a heading or a case", path, m[0])
	default:
		var known []string
		for _, row := range caseRow.FindAllStringSubmatch(text, -1) {
			known = append(known, row[1])
		}
		for _, n := range number.FindAllString(cases, -1) {
			if !slices.Contains(known, n) {
				t.Errorf("%s cites case %s of %s, which is not there", path, n, page)
			}
		}
	}
}

// Each case has a number of its own, and none is missing.
func TestSpec_CasesAreNumbered(t *testing.T) {
	var all []int
	for _, page := range []string{"edge-cases.md", "edge-cases-http.md"} {
		for _, row := range caseRow.FindAllStringSubmatch(specPage(t, page), -1) {
			n, _ := strconv.Atoi(row[1])
			all = append(all, n)
		}
	}
	slices.Sort(all)
	for i, n := range all {
		if n != i+1 {
			t.Fatalf("case %d is missing, or there twice", i+1)
		}
	}
}

// goTests are names of tests of a Go package.
var goTests = regexp.MustCompile(`^Test\w+(?:, Test\w+)*$`)

// The tests that a page of docs/spec says hold it are there.
func TestSpec_TestsNamedAreThere(t *testing.T) {
	found, tests := 0, testTexts{}
	for _, page := range specPages(t) {
		for line := range strings.Lines(specPage(t, page)) {
			named, ok := strings.CutPrefix(strings.TrimSpace(line), "Tested by: ")
			if !ok && strings.HasPrefix(page, "edge-cases") && caseRow.MatchString(line) {
				cells := strings.Split(strings.Trim(line, "| \n"), " | ")
				named, ok = cells[len(cells)-1], cells[len(cells)-1] != "–"
			}
			if !ok {
				continue
			}
			for entry := range strings.SplitSeq(strings.TrimPrefix(named, "`"), "; `") {
				place, names, _ := strings.Cut(entry, "` ")
				found += tests.check(t, page, place, names)
			}
		}
	}
	if found < 400 {
		t.Errorf("found %d tests: they are not read right", found)
	}
}

// testTexts are the texts of the files that a pattern matches, each read once.
type testTexts map[string]string

func (all testTexts) of(t *testing.T, pattern string) string {
	t.Helper()
	if text, ok := all[pattern]; ok {
		return text
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	all[pattern] = b.String()
	return all[pattern]
}

// check checks that a package, or a file of the end-to-end suite, has the tests
// named, and returns how many those are.
func (all testTexts) check(t *testing.T, page, place, names string) int {
	t.Helper()
	if strings.HasSuffix(place, ".mjs") {
		names = strings.Trim(names, "`")
		if !strings.Contains(all.of(t, filepath.Join(root, "test", "*", place)), names) {
			t.Errorf("docs/spec/%s names %q in %s, which has no such test", page, names, place)
		}
		return 1
	}
	if !goTests.MatchString(names) {
		t.Errorf("docs/spec/%s names %q in %s, which are no names of Go tests", page, names, place)
		return 0
	}
	listed := strings.Split(names, ", ")
	for _, name := range listed {
		if !strings.Contains(all.of(t, filepath.Join(root, place, "*_test.go")), "func "+name+"(") {
			t.Errorf("docs/spec/%s names %q in %s, which has no such test", page, name, place)
		}
	}
	return len(listed)
}
