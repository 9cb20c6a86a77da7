package config

import "strings"

// Problem is one thing wrong with the configuration.
type Problem struct {
	// Source is where the value came from: "config.yaml:12", a variable or a
	// flag. Empty when nothing set the key.
	Source string
	// Key is the path of the key, such as apps[0].limits.max_event_bytes.
	Key string
	// Text says what is wrong and what would be right.
	Text string
}

// String is the problem on one line.
func (p Problem) String() string {
	parts := make([]string, 0, 3)
	for _, s := range []string{p.Source, p.Key, p.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Error holds every problem found, in the order of the keys.
type Error struct{ Problems []Problem }

// Error lists the problems, one a line.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	if len(e.Problems) == 1 {
		return "the configuration is not usable: " + e.Problems[0].String()
	}
	lines = append(lines, "the configuration is not usable:")
	for _, p := range e.Problems {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

// report gathers problems while a configuration is read.
type report struct {
	problems []Problem
	sources  map[string]string // by path
	noted    map[string]bool   // paths that have a problem
}

func newReport() *report { return &report{sources: map[string]string{}, noted: map[string]bool{}} }

// add notes a problem with the key at path. One with the same key or a group
// around it follows from what is noted already and is left out.
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
	r.problems = append(r.problems, Problem{Source: r.source(path), Key: display(path), Text: text})
}

// source is where the value at path was set, or else the group around it.
func (r *report) source(path string) string {
	for path != "" {
		if s, ok := r.sources[path]; ok {
			return s
		}
		path = parent(path)
	}
	return r.sources[""]
}

func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &Error{Problems: r.problems}
}

func parent(path string) string {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)]
}

// suggest is a sentence that leads from an unknown key to a known one.
// siblings are the keys allowed at that place, at is the path of the place.
func suggest(unknown, at string, siblings []*field) string {
	keys := make([]string, 0, len(siblings))
	for _, f := range siblings {
		keys = append(keys, f.key)
	}
	if near, ok := nearest(strings.ToLower(unknown), keys); ok {
		return "unknown key; did you mean " + display(join(at, near)) + "?"
	}
	if home := elsewhere(unknown, "", schema()); home != "" {
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

// nearest picks the candidate with the fewest edits from s, if they are few,
// or one that only goes on or stops early (warning, warn).
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
