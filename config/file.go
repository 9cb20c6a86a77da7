package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// layer is what one source sets: every scalar as the text written there, so
// that the file, the environment and flags are read by the same rules.
type layer struct {
	values  map[string]any // path to string, []string or map[string]string
	lengths map[string]int // path of a list to the number of its elements
}

func newLayer() layer { return layer{values: map[string]any{}, lengths: map[string]int{}} }

// readFile reads a YAML (or JSON) file against the table of keys. Its values may
// name variables of env.
func readFile(name string, env *environment, r *report) (layer, error) {
	l := newLayer()
	data, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, fmt.Errorf("read the configuration: %w; `fanfare config init FILE` writes an initial file", err)
	case err != nil:
		return l, fmt.Errorf("read the configuration: %w", err)
	}
	lines, root, err := parse(name, data)
	if err != nil || root == nil { // an empty file sets nothing
		return l, err
	}
	f := fileReader{name: filepath.Base(name), lines: lines, env: env, report: r, layer: l}
	f.group("", root, schema())
	return l, nil
}

// likeKey is the form of a key.
var likeKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// notKey is the error for a key that is probably a piece of an unquoted value.
const notKey = "contains text that is not a key; put values with a comma, a colon or a bracket in quotes"

// isKey reports whether an unknown key has the form of a key and a colon after
// it. Other text may be a piece of a secret, which errors do not repeat.
func (f *fileReader) isKey(key *yaml.Node) bool {
	name, _, _ := strings.Cut(key.Value, ":")
	return likeKey.MatchString(name) && key.Line <= len(f.lines) &&
		regexp.MustCompile(`(?:^|[^A-Za-z0-9_.-])`+regexp.QuoteMeta(name)+`["']?\s*:`).MatchString(f.lines[key.Line-1])
}

// fileReader walks the nodes of one file.
type fileReader struct {
	name   string
	lines  []string
	env    *environment
	report *report
	layer  layer
}

func (f *fileReader) group(path string, n *yaml.Node, fields []*field) {
	n = resolve(n)
	f.mark(path, n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		if path == "" {
			f.wrong(path, n, "must hold keys, such as listen and apps; this is "+describe(n)+". `fanfare config init` writes an initial file")
			return
		}
		text := "has keys of its own and cannot hold " + describe(n) + "; known keys: " + keyNames(fields)
		if key, _, found := strings.Cut(n.Value, ":"); found && find(fields, key) != nil {
			text = "lacks a space after the colon of " + key
		}
		f.wrong(path, n, text)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name, _, isGlued := strings.Cut(key.Value, ":") // the rest of key:value may be a secret
		p := path
		if name != "" {
			p = join(path, name)
		}
		field := find(fields, name)
		switch first, twice := seen[name]; {
		case key.Tag == "!!merge":
			f.wrong(p, key, "merge keys are not read; write the keys out, or name a whole group: limits: &name {...}, then limits: *name")
		case key.Kind != yaml.ScalarNode:
			f.wrong(path, key, "has a group or list in place of a key")
		case isGlued && field != nil:
			f.wrong(p, key, "lacks a space after its colon")
		case field == nil && !f.isKey(key):
			f.wrong(path, key, notKey)
		case field == nil:
			f.wrong(p, key, suggest(name, path, fields))
		case twice && path == "" && field.kind == kindList:
			f.wrong(p, key, fmt.Sprintf("is written twice, first in line %d; remove this line and move what is below it there", first))
		case twice:
			f.wrong(p, key, fmt.Sprintf("is written twice, first in line %d; keep one", first))
		default:
			seen[name] = key.Line
			f.value(p, value, field)
		}
	}
}

func (f *fileReader) value(path string, n *yaml.Node, field *field) {
	n = resolve(n)
	f.mark(path, n)
	if hidden := misread(n); hidden != "" {
		f.wrong(path, n, hidden)
		return
	}
	if field.kind == kindText && f.isComment(n) {
		f.wrong(path, n, "is followed only by a comment; put a value that begins with # in quotes")
		return
	}
	if isNull(n) { // "key:" without a value keeps the default
		return
	}
	switch field.kind {
	case kindGroup:
		f.group(path, n, field.fields)
	case kindList:
		switch {
		case n.Kind == yaml.MappingNode && len(n.Content) > 0 && strings.HasPrefix(n.Content[0].Value, "-"):
			f.wrong(path, n, "lacks a space after the -")
			return
		case n.Kind != yaml.SequenceNode:
			f.wrong(path, n, "must be a list, with each element on a line after a -; this is "+describe(n))
			return
		}
		f.layer.lengths[path] = len(n.Content)
		for i, element := range n.Content {
			f.group(join(path, strconv.Itoa(i)), element, field.fields)
		}
	case kindTexts:
		if n.Kind == yaml.ScalarNode && aReference.MatchString(n.Value) {
			f.scalar(path, n) // with commas, as in a variable of the key
			return
		}
		if list, ok := f.texts(path, n); ok {
			f.layer.values[path] = list
		}
	case kindTable:
		if table, ok := f.table(path, n); ok {
			f.layer.values[path] = table
		}
	default:
		if n.Kind != yaml.ScalarNode {
			f.wrong(path, n, "must be "+field.kind.article()+"; this is "+describe(n))
			return
		}
		f.scalar(path, n)
	}
}

func (f *fileReader) scalar(path string, n *yaml.Node) {
	if text, ok := f.expand(path, n); ok {
		f.layer.values[path] = text
	}
}

func (f *fileReader) texts(path string, n *yaml.Node) ([]string, bool) {
	if n.Kind != yaml.SequenceNode {
		if n.Kind != yaml.ScalarNode {
			f.wrong(path, n, "must be a list; this is "+describe(n))
			return nil, false
		}
		parts := splitList(n.Value)
		for i, part := range parts {
			parts[i] = strconv.Quote(part)
		}
		f.wrong(path, n, "must be a list; write ["+strings.Join(parts, ", ")+"]")
		return nil, false
	}
	list := make([]string, 0, len(n.Content))
	for i, element := range n.Content {
		element = resolve(element)
		if hidden := misread(element); hidden != "" {
			f.wrong(join(path, strconv.Itoa(i)), element, hidden)
			return nil, false
		}
		f.mark(join(path, strconv.Itoa(i)), element)
		if element.Kind != yaml.ScalarNode || isNull(element) {
			f.wrong(join(path, strconv.Itoa(i)), element, "must be a text; this is "+describe(element))
			return nil, false
		}
		text, ok := f.expand(join(path, strconv.Itoa(i)), element)
		if !ok {
			return nil, false
		}
		list = append(list, text)
	}
	return list, true
}

func (f *fileReader) table(path string, n *yaml.Node) (map[string]string, bool) {
	if n.Kind != yaml.MappingNode {
		f.wrong(path, n, `must hold names and values, such as {"X-Token": "abc"}; this is `+describe(n))
		return nil, false
	}
	table := make(map[string]string, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i].Value, resolve(n.Content[i+1])
		if isNull(value) && value.Value == "" && !f.isKey(n.Content[i]) {
			f.wrong(path, n.Content[i], notKey)
			return nil, false
		}
		f.mark(join(path, name), value)
		if isNull(value) {
			f.wrong(join(path, name), value, "has no value; write one, or remove the line")
			return nil, false
		}
		if value.Kind != yaml.ScalarNode {
			f.wrong(join(path, name), value, "must be a text; this is "+describe(value))
			return nil, false
		}
		if _, twice := table[name]; twice {
			f.wrong(join(path, name), value, "is written twice; keep one")
			return nil, false
		}
		text, ok := f.expand(join(path, name), value)
		if !ok {
			return nil, false
		}
		table[name] = text
	}
	return table, true
}

func (f *fileReader) mark(path string, n *yaml.Node) {
	if path != "" {
		f.report.sources[path] = source{f.name, n.Line}
	}
}

func (f *fileReader) wrong(path string, n *yaml.Node, text string) {
	f.mark(path, n)
	if path == "" {
		f.report.sources[path] = source{f.name, n.Line}
		text = "the file " + text
	}
	f.report.add(path, text)
}

// resolve follows an alias (*name) to its value. The reader descends no deeper
// than the table of keys, so an alias inside its own value does not loop.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// misread explains a value whose text YAML reads as a tag or an anchor. It is
// empty for other values.
func misread(n *yaml.Node) string {
	switch {
	case n.Style&yaml.TaggedStyle != 0 && n.Kind == yaml.ScalarNode && n.Tag != "!!str" || strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"):
		return "begins with !, which YAML reads as a tag; write the value without one, or put it in quotes"
	case isNull(n) && n.Anchor != "":
		return "begins with &, which YAML reads as an anchor; put it in quotes"
	}
	return ""
}

// valueInComment matches a value that begins with #, which YAML reads as a
// comment.
var valueInComment = regexp.MustCompile(`:\s+#[^\s#]`)

func (f *fileReader) isComment(n *yaml.Node) bool {
	return isNull(n) && n.Value == "" && n.Line <= len(f.lines) && valueInComment.MatchString(f.lines[n.Line-1])
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// describe names the kind of a value. It does not repeat a text, which may be a
// secret in the wrong place.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a text"
}

func find(fields []*field, key string) *field {
	for _, f := range fields {
		if f.key == key {
			return f
		}
	}
	return nil
}

func keyNames(fields []*field) string {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, f.key)
	}
	return strings.Join(names, ", ")
}
