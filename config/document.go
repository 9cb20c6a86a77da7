package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// DefaultApp returns an app with every default and no id, key or secret.
func DefaultApp() App { return defaultApp() }

// Documents reads and writes apps as JSON documents with the keys that an app
// has in config.yaml. Databases and the admin API keep apps in this form. It is
// safe for concurrent use.
type Documents struct {
	server *Config
	fields []*field
}

// NewDocuments returns Documents for the apps of one server. The server's
// configuration decides whether some options can work, such as require_tls.
func NewDocuments(server *Config) *Documents {
	return &Documents{server: server, fields: fieldsOf(reflect.TypeFor[App]())}
}

// besides are the keys of an app that Write leaves out. The id and the keys are
// stored apart from the options.
var besides = []string{"id", "key", "secret", "keys"}

// Write returns the options of an app that differ from their defaults.
func (d *Documents) Write(app *App) []byte {
	def := defaultApp()
	doc := differing(d.fields, reflect.ValueOf(app).Elem(), reflect.ValueOf(&def).Elem(), besides...)
	return encode(doc)
}

// WriteAll returns every option of an app, its id and its keys. Unless secrets
// is true, it masks secrets, headers and the paths of webhooks.
func (d *Documents) WriteAll(app *App, secrets bool) map[string]any {
	return every(d.fields, reflect.ValueOf(app).Elem(), secrets)
}

// Apply sets the options that a document names and leaves the others unchanged.
// It merges groups such as limits and replaces lists; null restores the
// default. The error is an *Error with the path of each wrong key.
func (d *Documents) Apply(app *App, doc []byte) error {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var tree any
	err := dec.Decode(&tree)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			err = nil
		} else {
			err = errors.New("there is text after the object")
		}
	}
	if err != nil { // it quotes at most one character of the document
		return &Error{Problems: []Problem{{Text: fmt.Sprintf("the app is not a JSON object: %v", err)}}}
	}
	r, next, def := newReport(), *app, defaultApp()
	apply(r, "", d.fields, reflect.ValueOf(&next).Elem(), reflect.ValueOf(&def).Elem(), tree)
	if err := r.err(); err != nil {
		return err
	}
	*app = next
	return nil
}

// within is the path of an app that is checked by itself. Problem.Key does not
// have it.
const within = "app"

// Check validates every option of an app. The error is an *Error.
func (d *Documents) Check(app *App) error {
	r := newReport()
	walk(d.fields, reflect.ValueOf(app).Elem(), within, func(path string, f *field, v reflect.Value) { f.check(path, v, r) })
	checkApp(d.server, app, within, r)
	seen := map[string]bool{app.Key: true}
	for i, k := range app.Keys {
		if seen[k.Key] {
			r.add(fmt.Sprintf("%s.keys.%d.key", within, i), fmt.Sprintf("%q is already a key of the app", k.Key))
		}
		seen[k.Key] = true
	}
	for i := range r.problems {
		r.problems[i].Key = strings.TrimPrefix(r.problems[i].Key, within+".")
	}
	return r.err()
}

// Doubts returns likely mistakes in an app that are not errors.
func (d *Documents) Doubts(app *App) []string {
	r := newReport()
	doubtApp(d.server, app, within, r)
	var list []string
	for _, w := range r.warnings {
		w.Key = strings.TrimPrefix(w.Key, within+".")
		list = append(list, w.String())
	}
	return list
}

func apply(r *report, path string, fields []*field, v, def reflect.Value, tree any) {
	group, ok := tree.(map[string]any)
	if !ok {
		r.add(path, "must hold keys in an object; this is "+jsonKind(tree))
		return
	}
	for name, value := range group {
		f := find(fields, name)
		if f == nil {
			r.add(join(path, name), suggest(name, path, fields))
			continue
		}
		applyField(r, join(path, name), f, v.Field(f.index), def.Field(f.index), value)
	}
}

func applyField(r *report, path string, f *field, v, def reflect.Value, value any) {
	if value == nil {
		v.Set(def)
		return
	}
	switch f.kind {
	case kindGroup:
		apply(r, path, f.fields, v, def, value)
	case kindList:
		list, ok := value.([]any)
		if !ok {
			r.add(path, "must be a list; this is "+jsonKind(value))
			return
		}
		elements := reflect.MakeSlice(v.Type(), 0, len(list))
		for i, value := range list {
			standard := newElement(v.Type().Elem())
			element := reflect.New(v.Type().Elem()).Elem()
			element.Set(standard)
			apply(r, join(path, strconv.Itoa(i)), f.fields, element, standard, value)
			elements = reflect.Append(elements, element)
		}
		v.Set(elements)
	default:
		raw, ok := rawOf(f, value)
		if !ok {
			r.add(path, "must be "+f.kind.article()+"; this is "+jsonKind(value))
			return
		}
		if holdsMask(raw) {
			r.add(path, "is the mask that is shown instead of the value; write the value, or leave the key out")
			return
		}
		if err := f.set(v, raw); err != nil {
			r.add(path, err.Error())
		}
	}
}

// rawOf converts a JSON value to the form in which a layer holds it. ok is false
// if the key has another type.
func rawOf(f *field, value any) (raw any, ok bool) {
	switch value := value.(type) {
	case string:
		return value, f.kind != kindTexts && f.kind != kindTable
	case json.Number:
		return value.String(), f.kind == kindNumber || f.kind == kindDuration
	case bool:
		return strconv.FormatBool(value), f.kind == kindSwitch
	case []any:
		list := make([]string, 0, len(value))
		for _, element := range value {
			text, ok := element.(string)
			if !ok {
				return nil, false
			}
			list = append(list, text)
		}
		return list, f.kind == kindTexts
	case map[string]any:
		table := make(map[string]string, len(value))
		for name, element := range value {
			text, ok := element.(string)
			if !ok {
				return nil, false
			}
			table[name] = text
		}
		return table, f.kind == kindTable
	}
	return nil, false
}

func holdsMask(raw any) bool {
	switch raw := raw.(type) {
	case string:
		return strings.Contains(raw, masked)
	case []string:
		return slices.ContainsFunc(raw, func(s string) bool { return strings.Contains(s, masked) })
	case map[string]string:
		for _, text := range raw {
			if strings.Contains(text, masked) {
				return true
			}
		}
	}
	return false
}

func jsonKind(value any) string {
	switch value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	case nil:
		return "null"
	}
	return "a text"
}

// differing returns the values of v that differ from those of def.
func differing(fields []*field, v, def reflect.Value, without ...string) map[string]any {
	doc := map[string]any{}
	for _, f := range fields {
		if slices.Contains(without, f.key) {
			continue
		}
		value, standard := v.Field(f.index), def.Field(f.index)
		switch f.kind {
		case kindGroup:
			if group := differing(f.fields, value, standard); len(group) > 0 {
				doc[f.key] = group
			}
		case kindList:
			var list []any
			for i := range value.Len() {
				list = append(list, differing(f.fields, value.Index(i), newElement(value.Type().Elem())))
			}
			if len(list) > 0 {
				doc[f.key] = list
			}
		default:
			if !same(value, standard) {
				doc[f.key] = f.plain(value)
			}
		}
	}
	return doc
}

// every returns all values of v.
func every(fields []*field, v reflect.Value, secrets bool) map[string]any {
	doc := make(map[string]any, len(fields))
	for _, f := range fields {
		value := v.Field(f.index)
		switch f.kind {
		case kindGroup:
			doc[f.key] = every(f.fields, value, secrets)
		case kindList:
			list := make([]any, 0, value.Len())
			for i := range value.Len() {
				list = append(list, every(f.fields, value.Index(i), secrets))
			}
			doc[f.key] = list
		default:
			doc[f.key] = f.plain(value)
			if !secrets {
				f.maskIn(doc, value)
			}
		}
	}
	return doc
}

// maskIn masks the secret parts of a value in doc.
func (f *field) maskIn(doc map[string]any, v reflect.Value) {
	switch {
	case f.rule == "secret" && v.Len() > 0:
		doc[f.key] = masked
	case f.rule == "url" && v.Len() > 0:
		doc[f.key] = maskedURL(v.String())
	case f.kind == kindTable:
		table := make(map[string]string, v.Len())
		for _, name := range v.MapKeys() {
			table[name.String()] = masked
		}
		doc[f.key] = table
	}
}

// plain returns a value in its JSON form.
func (f *field) plain(v reflect.Value) any {
	switch f.kind {
	case kindDuration:
		return f.text(v)
	case kindTexts:
		if v.Len() == 0 {
			return []string{}
		}
	}
	return v.Interface()
}

func encode(doc map[string]any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil { // texts, numbers and booleans can always be encoded
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
