package config

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parse returns the lines of a file and its one document, which is nil for an
// empty file. The error is an *Error that names the line and the remedy. It never
// repeats a value of the file.
func parse(name string, data []byte) (lines []string, root *yaml.Node, err error) {
	s := syntax{name: filepath.Base(name)}
	text, err := decodeText(data)
	if err != nil {
		return nil, nil, s.problem(0, err.Error())
	}
	s.lines = strings.Split(text, "\n")
	if line, what := s.unreadable(); line > 0 {
		return nil, nil, s.problem(line, what)
	}
	doc, err := document(text)
	if line, what := s.otherFormat(text, doc, err); line > 0 {
		return nil, nil, s.problem(line, what)
	}
	if err != nil {
		line := s.faultyLine(text, err)
		return nil, nil, s.problem(s.explain(line, err))
	}
	if doc == nil {
		return s.lines, nil, nil
	}
	if len(doc.Content) == 2 {
		return nil, nil, s.problem(s.dashes(doc.Content[1].Line), "begins a second YAML document; keep one document, and remove the line ---")
	}
	return s.lines, doc.Content[0], nil
}

// document parses text. A second document becomes a second child.
func document(text string) (*yaml.Node, error) {
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, err
	default:
		doc.Content = append(doc.Content, second.Content[0])
	}
	return &doc, nil
}

// decodeText reads UTF-8, or UTF-16 with the mark that Windows puts before it,
// with line ends of any system.
func decodeText(data []byte) (string, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		order = binary.BigEndian
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		order = binary.LittleEndian
	case bytes.IndexByte(data, 0) >= 0:
		return "", errors.New("contains zero bytes, as UTF-16 does; save it as UTF-8")
	}
	text := string(bytes.TrimPrefix(data, []byte("\uFEFF")))
	if order != nil {
		if len(data)%2 != 0 {
			return "", errors.New("is UTF-16 that ends with half a character; save it as UTF-8")
		}
		units := make([]uint16, 0, len(data)/2)
		for i := 2; i < len(data); i += 2 {
			units = append(units, order.Uint16(data[i:]))
		}
		text = string(utf16.Decode(units))
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), nil
}

// syntax explains what is wrong with the text of a file, line by line.
type syntax struct {
	name  string
	lines []string
}

func (s *syntax) problem(line int, text string) *Error {
	p := Problem{Source: s.name, Text: text}
	if line > 0 {
		p.Source = fmt.Sprintf("%s:%d", s.name, line)
	}
	return &Error{Problems: []Problem{p}}
}

// dashes is the line of --- that begins the document with a node in line n.
func (s *syntax) dashes(n int) int {
	for i := min(n, len(s.lines)); i > 0; i-- {
		if strings.HasPrefix(s.lines[i-1], "---") {
			return i
		}
	}
	return n
}

var conflict = regexp.MustCompile(`^(<{7} |={7}$|>{7} )`)

// unreadable finds the first line that is not text, or is a Git conflict marker.
func (s *syntax) unreadable() (line int, what string) {
	for i, l := range s.lines {
		if conflict.MatchString(l) {
			return i + 1, "is a Git conflict marker; keep one side and remove the markers"
		}
		if !utf8.ValidString(l) {
			return i + 1, "contains a character that is not UTF-8; save the file as UTF-8"
		}
		for _, c := range l {
			if c != '\t' && unicode.IsControl(c) {
				return i + 1, fmt.Sprintf("contains a control character (%U); remove it", c)
			}
		}
	}
	return 0, ""
}

var (
	tomlTable  = regexp.MustCompile(`^\[\[?[A-Za-z0-9_."-]+\]?\]\s*(#.*)?$`)
	assignment = regexp.MustCompile(`^(export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=`)
)

// otherFormat recognises files of other formats by their first line, and
// comments in JSON. What YAML can read with a mapping at its root is YAML.
func (s *syntax) otherFormat(text string, doc *yaml.Node, err error) (line int, what string) {
	if err == nil && (doc == nil || len(doc.Content) == 1 && doc.Content[0].Kind == yaml.MappingNode) {
		return 0, ""
	}
	if line := jsonComment(text); line > 0 {
		return line, "contains a comment, which JSON does not allow; remove it, or write YAML, where a comment begins with #"
	}
	for i, l := range s.lines {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' || l[0] == ';' {
			continue
		}
		m := assignment.FindStringSubmatch(l)
		switch {
		case m != nil && strings.HasPrefix(m[2], envPrefix):
			return i + 1, "sets an environment variable; this file must be YAML; `fanfare config init` writes an initial file"
		case m != nil:
			return i + 1, fmt.Sprintf("is TOML or INI; this file must be YAML, so write %s: and the value", m[2])
		case tomlTable.MatchString(l):
			return i + 1, fmt.Sprintf("is TOML or INI; this file must be YAML, so write %s: and its keys below it, each after two spaces", strings.Trim(strings.SplitN(l, "#", 2)[0], `[]" `))
		}
		break
	}
	return 0, ""
}

// jsonComment is the line of the first comment in a text that is JSON
// otherwise; 0 if there is none.
func jsonComment(text string) int {
	head := strings.TrimLeft(text, " \t\n")
	if !strings.HasPrefix(head, "{") && !strings.HasPrefix(head, "//") && !strings.HasPrefix(head, "/*") {
		return 0
	}
	line, quoted := 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			line++
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == '/' && i+1 < len(text) && (text[i+1] == '/' || text[i+1] == '*'):
			return line
		}
	}
	return 0
}

// maxSearched bounds the lines that are searched for the faulty one.
const maxSearched = 5000

// faultyLine returns the first line that cannot be read as YAML: the one after
// the longest beginning of the file that parses. (The parser's own error names
// the line where the group around it begins.) For a quote or bracket that is not
// closed, it is the line that opens it.
func (s *syntax) faultyLine(text string, err error) int {
	if line := jsonFault(text); line > 0 {
		return line
	}
	if len(s.lines) > maxSearched {
		line := 0
		if m := parserLine.FindStringSubmatch(err.Error()); m != nil {
			_, _ = fmt.Sscan(m[1], &line)
		}
		return line
	}
	step := 1 + int(math.Sqrt(float64(len(s.lines))))
	known := s.readable(0, len(s.lines)-1, step)
	return 1 + s.readable(known, min(known+step, len(s.lines)-1), 1)
}

// readable returns the largest number of lines, from most down to least by steps,
// that are YAML without the lines after them.
func (s *syntax) readable(least, most, step int) int {
	for n := most; n > least; n -= step {
		if _, err := document(strings.Join(s.lines[:n], "\n") + "\n"); err == nil {
			return n
		}
	}
	return least
}

var parserLine = regexp.MustCompile(`^yaml: line ([0-9]+): `)

// jsonFault is the faulty line of a file that is meant to be JSON.
func jsonFault(text string) int {
	inner, braced := strings.CutPrefix(strings.TrimSpace(text), "{")
	inner = strings.TrimSpace(inner)
	if !braced || inner != "" && inner[0] != '"' && inner[0] != '}' {
		return 0
	}
	var at *json.SyntaxError
	if err := json.Unmarshal([]byte(text), new(any)); !errors.As(err, &at) {
		return 0
	}
	before := text[:min(int(at.Offset), len(text))]
	return 1 + strings.Count(strings.TrimRight(before, " \t\n"), "\n")
}
