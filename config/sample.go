package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Sample is config.yaml: every key with what it does and its default, so that
// loading it is the same as loading nothing.
func Sample() []byte {
	s := sampler{}
	s.line(0, "# fanfare configuration. Every key is optional except the id, key and secret of")
	s.line(0, "# an app, and shown here with its default. Durations carry a unit (500ms, 30s,")
	s.line(0, "# 5m). Each key can be set by environment too: FANFARE_ and its path, such as")
	s.line(0, "# FANFARE_METRICS_LISTEN or FANFARE_APPS_0_SECRET. docs/configuration.md has it all.")
	d := Defaults()
	s.group(0, schema(), reflect.ValueOf(&d).Elem(), false)
	return []byte(s.b.String())
}

// margin is where the # of a commented-out line stands: under the key of its
// list, all of which are keys of an app.
const margin = 4

// sampler writes YAML line by line. Inside an example that is commented out,
// lines begin with "# ".
type sampler struct {
	b       strings.Builder
	example bool
	dash    bool // the next line opens a list element
}

func (s *sampler) line(depth int, text string) {
	indent := strings.Repeat("  ", depth)
	if s.dash && !strings.HasPrefix(text, "#") {
		indent = strings.Repeat("  ", depth-1) + "- "
		s.dash = false
	}
	if s.example {
		indent = indent[:margin] + "# " + indent[margin:]
	}
	s.b.WriteString(indent + text + "\n")
}

func (s *sampler) group(depth int, fields []*field, v reflect.Value, tight bool) {
	for _, f := range fields {
		if !tight {
			if depth == 0 {
				s.b.WriteByte('\n')
			}
			for _, l := range wrap(f.comment(), 96-2*depth) {
				s.line(depth, "# "+l)
			}
		}
		fv := v.Field(f.index)
		switch {
		case f.kind == kindGroup:
			s.line(depth, f.key+":")
			s.group(depth+1, f.fields, fv, tight)
		case f.kind == kindList && fv.Len() > 0:
			s.line(depth, f.key+":")
			for i := range fv.Len() {
				s.dash = true
				s.group(depth+2, f.fields, fv.Index(i), tight)
			}
		case f.kind == kindList:
			s.line(depth, f.key+": []")
			s.line(depth, "# for example")
			s.example = true
			s.dash = true
			s.group(depth+2, f.fields, reflect.ValueOf(exampleOf(fv.Type().Elem())), true)
			s.example = false
		default:
			s.line(depth, f.key+": "+f.text(fv))
		}
	}
}

// exampleOf is an element for a list that is empty by default.
func exampleOf(t reflect.Type) any {
	if t == reflect.TypeFor[Webhook]() {
		w := defaultWebhook()
		w.URL = "https://example.com/hooks"
		w.Events = []string{"channel_occupied", "channel_vacated"}
		return w
	}
	return Key{Key: "next-key", Secret: "next-secret"}
}

// comment is the doc of a key with what its value may be.
func (f *field) comment() string {
	if len(f.oneof) > 0 && f.kind == kindText {
		return fmt.Sprintf("%s One of %s.", f.doc, strings.Join(f.oneof, ", "))
	}
	return f.doc
}

// wrap breaks text into lines of at most width characters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
