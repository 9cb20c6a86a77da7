package config

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// kind is the type of a key's value.
type kind int

const (
	kindText kind = iota
	kindNumber
	kindSwitch
	kindDuration
	kindShare // a number that need not be whole
	kindTexts // list of texts
	kindTable // text to text
	kindGroup // a mapping with keys of its own
	kindList  // a list of groups
)

// field is one key as its struct tag declares it.
type field struct {
	key    string
	kind   kind
	doc    string
	flag   string
	rule   string
	min    string
	unset  bool // 0 is allowed, although it is less than min
	max    string
	oneof  []string
	reload string   // "no" or "unless_empty", for what a running server cannot change
	index  int      // of the struct field
	fields []*field // kindGroup and kindList
}

// schema returns the keys of Config in order of declaration.
func schema() []*field { return fieldsOf(reflect.TypeFor[Config]()) }

func fieldsOf(t reflect.Type) []*field {
	var out []*field
	for i := range t.NumField() {
		sf := t.Field(i)
		key, ok := sf.Tag.Lookup("key")
		if !ok {
			continue
		}
		f := &field{
			key:    key,
			doc:    sf.Tag.Get("doc"),
			flag:   sf.Tag.Get("flag"),
			rule:   sf.Tag.Get("rule"),
			min:    sf.Tag.Get("min"),
			unset:  sf.Tag.Get("unset") != "",
			max:    sf.Tag.Get("max"),
			oneof:  strings.Fields(sf.Tag.Get("oneof")),
			reload: sf.Tag.Get("reload"),
			index:  i,
			kind:   kindOf(sf.Type),
		}
		switch f.kind {
		case kindGroup:
			f.fields = fieldsOf(sf.Type)
		case kindList:
			f.fields = fieldsOf(sf.Type.Elem())
		}
		out = append(out, f)
	}
	return out
}

func kindOf(t reflect.Type) kind {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return kindDuration
	case t.Kind() == reflect.String:
		return kindText
	case t.Kind() == reflect.Int:
		return kindNumber
	case t.Kind() == reflect.Float64:
		return kindShare
	case t.Kind() == reflect.Bool:
		return kindSwitch
	case t == reflect.TypeFor[[]string]():
		return kindTexts
	case t.Kind() == reflect.Map:
		return kindTable
	case t.Kind() == reflect.Struct:
		return kindGroup
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return kindList
	}
	panic("config: no kind of key holds a " + t.String())
}

// isLeaf reports whether the key holds a value rather than other keys.
func (f *field) isLeaf() bool { return f.kind != kindGroup && f.kind != kindList }

// walk calls leaf for every key that holds a value, with its path
// ("apps.0.limits.max_event_bytes") and its value.
func walk(fields []*field, v reflect.Value, path string, leaf func(path string, f *field, v reflect.Value)) {
	for _, f := range fields {
		p, fv := join(path, f.key), v.Field(f.index)
		switch f.kind {
		case kindGroup:
			walk(f.fields, fv, p, leaf)
		case kindList:
			for i := range fv.Len() {
				walk(f.fields, fv.Index(i), join(p, strconv.Itoa(i)), leaf)
			}
		default:
			leaf(p, f, fv)
		}
	}
}

// grow extends every list to the length that length returns for its path. New
// elements have their defaults.
func grow(fields []*field, v reflect.Value, path string, length func(path string) int) {
	for _, f := range fields {
		p, fv := join(path, f.key), v.Field(f.index)
		switch f.kind {
		case kindGroup:
			grow(f.fields, fv, p, length)
		case kindList:
			for fv.Len() < length(p) {
				fv.Set(reflect.Append(fv, newElement(fv.Type().Elem())))
			}
			for i := range fv.Len() {
				grow(f.fields, fv.Index(i), join(p, strconv.Itoa(i)), length)
			}
		}
	}
}

func newElement(t reflect.Type) reflect.Value {
	switch t {
	case reflect.TypeFor[App]():
		return reflect.ValueOf(defaultApp())
	case reflect.TypeFor[Webhook]():
		return reflect.ValueOf(defaultWebhook())
	case reflect.TypeFor[AdminToken]():
		return reflect.ValueOf(AdminToken{Role: "read"})
	}
	return reflect.Zero(t)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// display writes a path the way people read it: apps[0].limits.max_event_bytes.
func display(path string) string {
	var b strings.Builder
	for i, part := range strings.Split(path, ".") {
		if _, err := strconv.Atoi(part); err == nil {
			b.WriteString("[" + part + "]")
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	return b.String()
}

// variable is the environment variable that sets the key at path.
func variable(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}
