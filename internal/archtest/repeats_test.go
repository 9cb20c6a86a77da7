package archtest

import (
	"strings"
	"testing"
)

// A merge that keeps both sides leaves a paragraph or the rows of a table twice.
// Blocks are compared line by line, so a copy below another heading is found too.
func TestDocs_NoThreeLinesOccurTwice(t *testing.T) {
	type place struct {
		page string
		line int
	}
	seen := map[string]place{}
	for name, text := range manual(t) {
		fenced := false
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			if fenced || i+3 > len(lines) {
				continue
			}
			three := lines[i : i+3]
			if !prose(three) {
				continue
			}
			key := strings.Join(three, "\n")
			if first, ok := seen[key]; ok {
				t.Errorf("docs/%s:%d repeats docs/%s:%d: %.60s", name, i+1, first.page, first.line, line)
				continue
			}
			seen[key] = place{name, i + 1}
		}
	}
}

// prose reports whether none of the lines is empty or the fence of a fragment.
func prose(lines []string) bool {
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "```") {
			return false
		}
	}
	return true
}
