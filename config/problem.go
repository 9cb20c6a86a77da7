package config

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Problem is one error or warning in the configuration.
type Problem struct {
	// Source is where the value was set: "config.yaml:12", a variable or a
	// flag. It is empty if nothing set the key.
	Source string
	// Key is the path of the key, such as apps[0].limits.max_event_bytes.
	Key string
	// Text says what is wrong and how to correct it.
	Text string

	line int // of the file; 0 for a problem elsewhere
}

// String returns the problem on one line.
func (p Problem) String() string {
	parts := make([]string, 0, 3)
	for _, s := range []string{p.Source, p.Key, p.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Error holds every problem found. Those of the file come first, in the order
// of its lines.
type Error struct{ Problems []Problem }

// Error lists the problems, one per line.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	if len(e.Problems) == 1 {
		return "the configuration is invalid: " + e.Problems[0].String()
	}
	lines = append(lines, "the configuration is invalid:")
	for _, p := range e.Problems {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

// source is where a key was set.
type source struct {
	name string // of the file, the variable or the flag
	line int    // of the file
}

func (s source) String() string {
	if s.line > 0 {
		return fmt.Sprintf("%s:%d", s.name, s.line)
	}
	return s.name
}

// report gathers problems while a configuration is read.
type report struct {
	problems []Problem
	warnings []Problem
	unknown  []Problem         // variables that set no key
	sources  map[string]source // by path
	noted    map[string]bool   // paths that have a problem
	begun    map[string]string // by path of a list element that the file lacks: the variable or flag that adds it
	held     map[string]string // by path: a value from a _FILE file, or with variables that the file refers to
	escaped  map[string]bool   // paths whose text in the file contains $${, so that ${ is literal
}

func newReport() *report {
	return &report{sources: map[string]source{}, noted: map[string]bool{}, begun: map[string]string{}, held: map[string]string{}, escaped: map[string]bool{}}
}

// add notes a problem with the key at path, unless the key or a group around it
// already has one, from which this one probably follows.
func (r *report) add(path, text string) {
	for p := path; ; p = parent(p) {
		if r.noted[p] {
			return
		}
		if p == "" {
			break
		}
	}
	r.noted[path] = true
	r.problems = append(r.problems, r.about(path, text))
}

// warn records a likely mistake that does not prevent a start.
func (r *report) warn(path, text string) { r.warnings = append(r.warnings, r.about(path, text)) }

func (r *report) about(path, text string) Problem {
	at := r.source(path)
	return Problem{Source: at.String(), Key: display(path), Text: r.conceal(path, text), line: at.line}
}

// conceal removes the value at path from a text about it: it may be a secret that
// was given to the wrong key.
func (r *report) conceal(path, text string) string {
	for ; path != ""; path = parent(path) {
		held, ok := r.held[path]
		if !ok {
			continue
		}
		for _, part := range append([]string{held}, splitList(held)...) {
			text = strings.ReplaceAll(text, strconv.Quote(part), "its value")
			if len(part) >= leastSecret {
				text = strings.ReplaceAll(text, part, "...")
			}
		}
	}
	return text
}

// leastSecret is the length in bytes from which conceal also removes a value that
// stands without quotes within another text.
const leastSecret = 6

// source is where the value at path was set, or else the group around it.
func (r *report) source(path string) source {
	for path != "" {
		if s, ok := r.sources[path]; ok {
			return s
		}
		path = parent(path)
	}
	return r.sources[""]
}

// begin notes that a variable or flag sets the value at path, and which list
// elements it adds.
func (r *report) begin(path, by string, inFile map[string]int) {
	r.sources[path] = source{name: by}
	for list, element := range elements(path) {
		if _, known := r.begun[element.path]; !known && element.index >= inFile[list] {
			r.begun[element.path] = by
			r.sources[element.path] = source{name: by}
		}
	}
}

// beginner returns the variable or flag that adds the list element around path;
// empty if the file has the element.
func (r *report) beginner(path string) string {
	for ; path != ""; path = parent(path) {
		if by, ok := r.begun[path]; ok {
			return by
		}
	}
	return ""
}

// notedBelow reports whether an element or key of the group at path has a problem.
func (r *report) notedBelow(path string) bool {
	for p := range r.noted {
		if strings.HasPrefix(p, path+".") {
			return true
		}
	}
	return false
}

func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	byLine(r.problems)
	return &Error{Problems: r.problems}
}

func byLine(problems []Problem) {
	last := func(p Problem) int {
		if p.line == 0 {
			return math.MaxInt
		}
		return p.line
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(last(a), last(b)) })
}

func parent(path string) string {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)]
}

// onlyOne finds the key with that ending, if it is the only one.
func onlyOne(keys []string, ending string) (found string, ok bool) {
	for _, key := range keys {
		if strings.HasSuffix(key, ending) {
			found, ok = key, found == ""
		}
	}
	return found, ok
}

// suggest returns the error for an unknown key: it names the known key that was
// probably meant. siblings are the keys of the group at the path at.
func suggest(unknown, at string, siblings []*field) string {
	keys := make([]string, 0, len(siblings))
	for _, f := range siblings {
		keys = append(keys, f.key)
	}
	if near, ok := nearest(strings.ToLower(unknown), keys); ok {
		return "unknown key; did you mean " + display(join(at, near)) + "?"
	}
	if longer, ok := onlyOne(keys, "_"+strings.ToLower(unknown)); ok {
		return "unknown key; did you mean " + display(join(at, longer)) + "?"
	}
	home := elsewhere(unknown, display(at), siblings)
	if home == "" {
		home = elsewhere(unknown, "", schema())
	}
	if home != "" {
		return "unknown key here; it belongs to " + home
	}
	return "unknown key; known here: " + strings.Join(keys, ", ")
}

// elsewhere is the path of the first key of that name in the whole table.
func elsewhere(name, path string, fields []*field) string {
	for _, f := range fields {
		p := join(path, f.key)
		if f.key == name {
			return p
		}
		if f.kind == kindList {
			p += "[]"
		}
		if found := elsewhere(name, p, f.fields); found != "" {
			return found
		}
	}
	return ""
}

// nearest picks the candidate with the fewest edits from s, if they are few, or
// one that is a prefix of s or has s as a prefix (warning, warn).
func nearest(s string, candidates []string) (string, bool) {
	best, distance := "", max(2, len(s)/3)+1
	for _, c := range candidates {
		if min(len(s), len(c)) >= 4 && (strings.HasPrefix(s, c) || strings.HasPrefix(c, s)) {
			return c, true
		}
		if d := edits(s, c); d < distance {
			best, distance = c, d
		}
	}
	return best, best != ""
}

// edits is the Levenshtein distance of two short texts.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
