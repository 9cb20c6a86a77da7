package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// Setting is a key to be written to a file, or a comment in place of one.
type Setting struct {
	// Path is the path of the key, such as apps.0.limits.max_connections. For a
	// comment alone, it may also be the path of a group or of an element of a
	// list.
	Path string
	// Value has the type of the key: string, int, bool, time.Duration, []string
	// or map[string]string. A nil Value writes only the comments.
	Value any
	// Remark is a comment on the same line, after the value.
	Remark string
	// Comments are written on the lines above the key.
	Comments []string
}

// Compose returns a YAML file with the given keys and no others, in the order
// of config.yaml. The paragraphs of head become a comment at its top. Compose
// fails if a path names no key, or if a value has another type than its key.
func Compose(head []string, settings []Setting) ([]byte, error) {
	c := composer{
		sampler:  sampler{value: (*field).text},
		settings: make(map[string]Setting, len(settings)),
		mentions: map[string]bool{}, holds: map[string]bool{}, lengths: map[string]int{},
	}
	for _, s := range settings {
		if err := c.add(s); err != nil {
			return nil, err
		}
	}
	for i, paragraph := range head {
		if i > 0 {
			c.line(0, "#")
		}
		c.comment(0, paragraph)
	}
	c.group(0, "", schema())
	return []byte(c.b.String()), nil
}

type composer struct {
	sampler
	settings map[string]Setting
	mentions map[string]bool // paths at or below which there is a setting
	holds    map[string]bool // paths at or below which a value is set
	lengths  map[string]int  // of lists
}

func (c *composer) add(s Setting) error {
	f, ok := fieldAt(s.Path)
	switch {
	case !ok:
		return fmt.Errorf("%s: there is no such key", display(s.Path))
	case s.Value != nil && (f == nil || !f.isLeaf() || kindOf(reflect.TypeOf(s.Value)) != f.kind):
		return fmt.Errorf("%s cannot hold a %T", display(s.Path), s.Value)
	}
	if before, twice := c.settings[s.Path]; twice {
		s.Comments = append(before.Comments, s.Comments...)
		if s.Value == nil {
			s.Value, s.Remark = before.Value, before.Remark
		}
	}
	c.settings[s.Path] = s
	parts := strings.Split(s.Path, ".")
	for i := range parts {
		above := strings.Join(parts[:i+1], ".")
		c.mentions[above] = true
		if s.Value != nil {
			c.holds[above] = true
		}
		if n, err := strconv.Atoi(parts[i]); err == nil && i > 0 {
			list := strings.Join(parts[:i], ".")
			c.lengths[list] = max(c.lengths[list], n+1)
		}
	}
	return nil
}

// fieldAt is the key at a path; nil for an element of a list.
func fieldAt(path string) (f *field, ok bool) {
	fields := schema()
	for part := range strings.SplitSeq(path, ".") {
		if f != nil && f.kind == kindList {
			if n, err := strconv.Atoi(part); err != nil || n < 0 {
				return nil, false
			}
			f = nil
			continue
		}
		if f = find(fields, part); f == nil {
			return nil, false
		}
		fields = f.fields
	}
	return f, true
}

func (c *composer) comment(depth int, text string) {
	for _, l := range wrap(remark(text), 96-2*depth) {
		c.line(depth, "# "+l)
	}
}

// remark returns text as one printable line of a comment. The text may contain
// names from a file of another server.
func remark(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, text)
}

func (c *composer) comments(depth int, path string) {
	for _, text := range c.settings[path].Comments {
		c.comment(depth, text)
	}
}

func (c *composer) group(depth int, path string, fields []*field) {
	for _, f := range fields {
		p := join(path, f.key)
		if !c.mentions[p] {
			continue
		}
		if depth == 0 {
			c.b.WriteByte('\n')
		}
		c.comments(depth, p)
		switch {
		case !c.holds[p]:
			c.below(depth, p, f)
		case f.kind == kindGroup:
			c.line(depth, f.key+":")
			c.group(depth+1, p, f.fields)
		case f.kind == kindList:
			c.line(depth, f.key+":")
			for i := range c.lengths[p] {
				c.element(depth+2, join(p, strconv.Itoa(i)), f)
			}
		default:
			s := c.settings[p]
			text := f.key + ": " + f.text(reflect.ValueOf(s.Value))
			if s.Remark != "" {
				text += " # " + remark(s.Remark)
			}
			c.line(depth, text)
		}
	}
}

// element writes an element of a list.
func (c *composer) element(depth int, path string, f *field) {
	c.dash = true
	c.comments(depth, path)
	if !c.holds[path] {
		c.dash = false
		return
	}
	c.group(depth, path, f.fields)
}

// below writes the comments inside a group in which no value is set.
func (c *composer) below(depth int, path string, f *field) {
	if f.kind == kindGroup {
		for _, inner := range f.fields {
			if p := join(path, inner.key); c.mentions[p] {
				c.comments(depth, p)
				c.below(depth, p, inner)
			}
		}
	}
}
