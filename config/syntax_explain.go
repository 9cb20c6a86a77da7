package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// explain says what is wrong with the line at which the parser failed, and what
// to write. The line it returns may be an earlier one, if that has the error.
func (s *syntax) explain(n int, err error) (line int, what string) {
	l := s.lines[n-1]
	message := parserLine.ReplaceAllString(err.Error(), "")
	message = strings.TrimPrefix(message, "yaml: ")
	for i := max(n-2, 0); i < n; i++ {
		if c, found := invisible(s.lines[i]); found {
			return i + 1, fmt.Sprintf("contains an invisible character (%U), often copied from a web page; type the line again", c)
		}
	}
	switch {
	case strings.Contains(l[:indent(l)], "\t"):
		return n, "is indented with a tab; use spaces, two for each level"
	case strings.Contains(message, "unknown anchor"):
		return s.aliasLine(n), "has a value that begins with *, which YAML reads as an alias; put it in quotes"
	case strings.Contains(message, "expected alphabetic or numeric"):
		return n, `has a value that begins with * or &, which YAML reads as an alias or an anchor; put it in quotes, such as "*"`
	case strings.Contains(message, "cannot start any token"):
		return n, "has a value that begins with @, %, ` or a tab, which YAML does not allow; put it in quotes"
	case strings.Contains(message, "escape"):
		return n, `contains a \ in double quotes, which begins an escape there; write \\ or use single quotes`
	case strings.Contains(message, "unexpected end of stream"), strings.Contains(message, "unexpected document indicator"):
		return n, "opens a quote that is not closed"
	case behindQuote.MatchString(l):
		return n, `has text after a closing quote; write ' inside '...' as '', or put the value in double quotes`
	case strings.Contains(message, "expected ',' or"):
		return n, "opens a list or group with [ or { that is not closed, or lacks a comma in it"
	case strings.Contains(message, "expected node content"):
		return n, "opens a list or group with [ or { that is not closed, or has a comma with nothing before it"
	case strings.Contains(message, "expected comment or line break"):
		return n, "has text after | or > on the same line; begin the text on the next line, indented further, or put it in quotes"
	case strings.HasPrefix(strings.TrimSpace(l), "%"):
		return n, "is a YAML directive; remove it"
	case noSpace.MatchString(l):
		return n, "lacks a space after its colon"
	}
	above := s.above(n)
	for _, i := range []int{above, n} {
		if i > 0 && noSpaceAfterDash.MatchString(s.lines[i-1]) {
			return i, "lacks a space after its -"
		}
	}
	if above > 0 && noSpace.MatchString(s.lines[above-1]) && !opensBlock(s.lines, above) {
		return above, "lacks a space after its colon"
	}
	if above > 0 && keyless(s.lines[above-1]) && !opensBlock(s.lines, above) {
		return above, "has no colon after its key; write the key, a colon, a space and the value"
	}
	switch {
	case strings.HasSuffix(strings.TrimSpace(l), ","):
		return n, "ends with a comma, which YAML allows only between [ and ] or { and }; remove it"
	case strings.Count(l, ": ") > 1 && !strings.ContainsAny(l, "{}"):
		return n, "contains a second colon with a space after it; put the value in quotes, or put the second key on its own line"
	case strings.ContainsAny(l, "]}") && strings.Count(l, "[")+strings.Count(l, "{") < strings.Count(l, "]")+strings.Count(l, "}"):
		return n, "closes a list or group that is not open; remove the ] or }"
	case strings.Contains(message, "expected key"), strings.Contains(message, "expected '-'"), strings.Contains(message, "mapping values"), strings.Contains(message, "document start"):
		return n, s.misindented(n)
	case strings.Contains(message, "expected ':'"):
		return n, "has no colon after its key; write the key, a colon, a space and the value"
	}
	return n, "is not YAML: " + message
}

var (
	// A value that goes on after its closing quote.
	behindQuote = regexp.MustCompile(`(?:: |- |\[|, )(?:'[^']*'\s*[^'\s,\]}:#]|"(?:[^"\\]|\\.)*"\s*[^"\s,\]}:#])`)
	// A key with its value right after the colon.
	noSpace = regexp.MustCompile(`^\s*(?:- )*[a-z_]+:[^\s:]`)
	// An element with its first key right after the dash.
	noSpaceAfterDash = regexp.MustCompile(`^\s*-[a-z_]+:`)
)

func indent(l string) int { return len(l) - len(strings.TrimLeft(l, " \t")) }

// column is the column of the first key or value of a line, after its dashes.
func column(l string) int {
	rest := strings.TrimLeft(l, " ")
	for strings.HasPrefix(rest, "- ") {
		rest = strings.TrimLeft(rest[2:], " ")
	}
	return len(l) - len(rest)
}

// above returns the last line before n that is not empty or a comment; 0 if there
// is none.
func (s *syntax) above(n int) int {
	for n--; n > 0; n-- {
		if l := strings.TrimSpace(s.lines[n-1]); l != "" && l[0] != '#' {
			return n
		}
	}
	return 0
}

// keyless reports whether a line has no colon that ends a key.
func keyless(l string) bool {
	l = strings.TrimSpace(l)
	return !strings.Contains(l+" ", ": ") && !strings.HasPrefix(l, "-") && !strings.ContainsAny(l, "[]{}") && l != "---"
}

// opensBlock reports whether line n belongs to a text of several lines.
func opensBlock(lines []string, n int) bool {
	return slices.ContainsFunc(lines[:n], func(l string) bool {
		l = strings.TrimRight(l, " +-")
		return strings.HasSuffix(l, ": |") || strings.HasSuffix(l, ": >")
	})
}

// misindented explains the wrong indentation of line n.
func (s *syntax) misindented(n int) string {
	if l := s.lines[n-1]; strings.HasPrefix(strings.TrimLeft(l, " "), "- ") {
		return "begins a list element outside of a list; begin all elements of a list in the same column, and no key in that column"
	}
	at := column(s.lines[n-1])
	if above := s.above(n); above > 0 && column(s.lines[above-1]) < at && !strings.HasSuffix(strings.TrimSpace(s.lines[above-1]), ":") {
		return fmt.Sprintf("is indented further than line %d, which already has a value; begin the keys of one group in the same column", above)
	}
	return fmt.Sprintf("is indented by %s, which matches no group above it; begin the keys of one group in the same column", spaces(at))
}

func spaces(n int) string {
	if n == 1 {
		return "1 space"
	}
	return fmt.Sprintf("%d spaces", n)
}

// aliasLine is the first line from n on with a value that begins with *.
func (s *syntax) aliasLine(n int) int {
	for i, l := range s.lines[n-1:] {
		if aliased.MatchString(l) {
			return n + i
		}
	}
	return n
}

var aliased = regexp.MustCompile(`(?:^|[\s:\[{,-])\*[^\s*]`)

// invisible finds a character that cannot be seen, or that looks like a space.
func invisible(s string) (rune, bool) {
	for _, c := range s {
		if c != ' ' && c != '\t' && (unicode.IsSpace(c) || unicode.Is(unicode.Cf, c)) {
			return c, true
		}
	}
	return 0, false
}
