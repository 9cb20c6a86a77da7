package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Sample returns config.yaml: every key with its description and default. A
// server that loads it behaves like one without a file.
func Sample() []byte {
	d := Defaults()
	return sample(&d)
}

// NewFile returns Sample with one app of its own, as the first version of a new
// file.
func NewFile(id, key, secret string) []byte {
	d := Defaults()
	d.Apps[0].ID, d.Apps[0].Key, d.Apps[0].Secret = id, key, secret
	return sample(&d)
}

func sample(c *Config) []byte {
	s := sampler{value: (*field).text}
	s.line(0, "# fanfare configuration. Every key is optional, except the id, key and secret of an app.")
	s.line(0, "# Each is shown with its default. Durations need a unit (500ms, 30s, 5m). An environment")
	s.line(0, "# variable can set each key: FANFARE_ and its path, such as FANFARE_METRICS_LISTEN or")
	s.line(0, "# FANFARE_APPS_0_SECRET. docs/configuration.md explains the rules.")
	s.group(0, "", schema(), reflect.ValueOf(c).Elem(), false)
	return []byte(s.b.String())
}

// Print returns the configuration as YAML. A comment names where each value was
// set, unless it is the default. Secrets are masked. Load refuses the mask, so
// it cannot become a secret.
func (c *Config) Print() []byte {
	s := sampler{value: (*field).shown, sources: c.sources}
	s.line(0, "# The effective configuration. A comment names where a value was set; a value without one is")
	s.line(0, "# the default. Secrets, headers and the paths of webhooks are shown as ********: write their")
	s.line(0, "# values there before you use this as a file.")
	s.group(0, "", schema(), reflect.ValueOf(c).Elem(), true)
	return []byte(s.b.String())
}

// margin is where the # of a commented-out line stands: under the key of its
// list, or two columns further, for lists of keys of an app and of admin.
const margin = 4

// sampler writes YAML line by line. Inside an example that is commented out,
// lines begin with "# ".
type sampler struct {
	b       strings.Builder
	value   func(*field, reflect.Value) string
	sources map[string]source // of the values that are printed
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

// group writes the keys of a group; tight leaves out what they do.
func (s *sampler) group(depth int, path string, fields []*field, v reflect.Value, tight bool) {
	for _, f := range fields {
		if !tight {
			if depth == 0 {
				s.b.WriteByte('\n')
			}
			for _, l := range wrap(f.comment(), 96-2*depth) {
				s.line(depth, "# "+l)
			}
		}
		p, fv := join(path, f.key), v.Field(f.index)
		switch {
		case f.kind == kindGroup:
			s.line(depth, f.key+":")
			s.group(depth+1, p, f.fields, fv, tight)
		case f.kind == kindList && fv.Len() > 0:
			s.line(depth, f.key+":")
			for i := range fv.Len() {
				s.dash = true
				s.group(depth+2, join(p, strconv.Itoa(i)), f.fields, fv.Index(i), tight)
			}
		case f.kind == kindList:
			s.line(depth, f.key+": []")
			if tight {
				continue
			}
			s.line(depth, "# for example")
			s.example = true
			s.dash = true
			s.group(depth+2, p, f.fields, reflect.ValueOf(exampleOf(fv.Type().Elem())), true)
			s.example = false
		default:
			s.line(depth, f.key+": "+s.value(f, fv)+s.remark(p))
		}
	}
}

// remark is where the value at path was set, as a comment.
func (s *sampler) remark(path string) string {
	if at, ok := s.sources[path]; ok {
		return " # " + at.String()
	}
	return ""
}

// exampleOf is an element for a list that is empty by default.
func exampleOf(t reflect.Type) any {
	switch t {
	case reflect.TypeFor[AdminToken]():
		return AdminToken{Name: "grafana", Hash: "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", Role: "read"}
	case reflect.TypeFor[HistoryRule]():
		return HistoryRule{Channels: "private-chat-*", Events: 100, TTL: time.Hour, Rewind: 20}
	case reflect.TypeFor[Webhook]():
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
