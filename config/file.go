package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

// readFile reads a YAML (or JSON) file against the table of keys.
func readFile(name string, r *report) (layer, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return layer{}, fmt.Errorf("read the configuration: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	l := newLayer()
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) { // an empty file sets nothing
			return l, nil
		}
		if strings.Contains(err.Error(), "unknown anchor") { // which it repeats, and it may be a secret
			err = errors.New("a value begins with * and is no alias; put it in quotes")
		}
		return l, fmt.Errorf("%s: %w", name, err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return l, fmt.Errorf("%s: holds more than one document; keep the first, without a line of ---", name)
	}
	f := fileReader{name: filepath.Base(name), report: r, layer: l}
	f.group("", doc.Content[0], schema())
	return l, nil
}

// fileReader walks the nodes of one file.
type fileReader struct {
	name   string
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
		f.wrong(path, n, "has keys of its own and cannot hold "+describe(n)+"; known keys: "+keyNames(fields))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		p := join(path, key.Value)
		field := find(fields, key.Value)
		switch {
		case field == nil:
			f.wrong(p, key, suggest(key.Value, path, fields))
		case seen[key.Value]:
			f.wrong(p, key, "is written twice; keep one")
		default:
			seen[key.Value] = true
			f.value(p, value, field)
		}
	}
}

func (f *fileReader) value(path string, n *yaml.Node, field *field) {
	n = resolve(n)
	f.mark(path, n)
	if isNull(n) { // "key:" with nothing behind it keeps the default
		return
	}
	switch field.kind {
	case kindGroup:
		f.group(path, n, field.fields)
	case kindList:
		if n.Kind != yaml.SequenceNode {
			f.wrong(path, n, "is a list, one element a line beginning with -; this is "+describe(n))
			return
		}
		f.layer.lengths[path] = len(n.Content)
		for i, element := range n.Content {
			f.group(join(path, strconv.Itoa(i)), element, field.fields)
		}
	case kindTexts:
		if list, ok := f.texts(path, n); ok {
			f.layer.values[path] = list
		}
	case kindTable:
		if table, ok := f.table(path, n); ok {
			f.layer.values[path] = table
		}
	default:
		if n.Kind != yaml.ScalarNode {
			f.wrong(path, n, "wants "+field.kind.article()+"; this is "+describe(n))
			return
		}
		f.layer.values[path] = n.Value
	}
}

func (f *fileReader) texts(path string, n *yaml.Node) ([]string, bool) {
	if n.Kind != yaml.SequenceNode {
		f.wrong(path, n, fmt.Sprintf("is a list; write [%s]", strconv.Quote(n.Value)))
		return nil, false
	}
	list := make([]string, 0, len(n.Content))
	for i, element := range n.Content {
		element = resolve(element)
		if element.Kind != yaml.ScalarNode || isNull(element) {
			f.wrong(join(path, strconv.Itoa(i)), element, "wants a text; this is "+describe(element))
			return nil, false
		}
		list = append(list, element.Value)
	}
	return list, true
}

func (f *fileReader) table(path string, n *yaml.Node) (map[string]string, bool) {
	if n.Kind != yaml.MappingNode {
		f.wrong(path, n, `holds names and values, such as {"X-Token": "abc"}; this is `+describe(n))
		return nil, false
	}
	table := make(map[string]string, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i].Value, resolve(n.Content[i+1])
		if value.Kind != yaml.ScalarNode {
			f.wrong(join(path, name), value, "wants a text; this is "+describe(value))
			return nil, false
		}
		if _, twice := table[name]; twice {
			f.wrong(join(path, name), value, "is written twice; keep one")
			return nil, false
		}
		table[name] = value.Value
	}
	return table, true
}

func (f *fileReader) mark(path string, n *yaml.Node) {
	if path != "" {
		f.report.sources[path] = fmt.Sprintf("%s:%d", f.name, n.Line)
	}
}

func (f *fileReader) wrong(path string, n *yaml.Node, text string) {
	f.mark(path, n)
	if path == "" {
		f.report.sources[path] = f.name
		text = "the file " + text
	}
	f.report.add(path, text)
}

// resolve follows an alias (*name) to what it stands for. The depth walked is
// that of the table of keys, so an alias to itself ends too.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// describe says what a value is. A text is not repeated: what stands in the
// wrong place may be a secret.
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
