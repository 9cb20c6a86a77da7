package foreign

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// options are the values of a configuration by their paths, such as
// appManager.array.apps.0.key. Lists and maps are stored as their elements, an
// empty list as a value of its own.
type options struct {
	values map[string]any
	origin map[string]string // the variable that set a value, by path
	used   map[string]bool
}

func newOptions() *options {
	return &options{values: map[string]any{}, origin: map[string]string{}, used: map[string]bool{}}
}

// add stores a value and its elements. It replaces what was stored at or below
// path.
func (o *options) add(path, origin string, v any) {
	for at := range o.values {
		if at == path || strings.HasPrefix(at, path+".") {
			delete(o.values, at)
		}
	}
	o.put(path, origin, v)
}

func (o *options) put(path, origin string, v any) {
	switch v := v.(type) {
	case variable:
		if v.set {
			origin = v.name
		}
		o.put(path, origin, v.value)
		return
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			o.put(joined(path, key), origin, v[key])
		}
		return
	case []any:
		for i, element := range v {
			o.put(joined(path, strconv.Itoa(i)), origin, element)
		}
		if len(v) > 0 {
			return
		}
	}
	o.values[path] = v
	if origin != "" {
		o.origin[path] = origin
	}
}

func joined(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// from is where a value was set: its variable, or its path.
func (o *options) from(path string) string {
	if name, ok := o.origin[path]; ok {
		return name
	}
	return path
}

// value returns the value at a path and marks it as carried over.
func (o *options) value(path string) (v any, ok bool) {
	v, ok = o.values[path]
	if ok {
		o.used[path] = true
	}
	return v, ok && v != nil
}

// text is the value at a path as a text, "" if there is none.
func (o *options) text(path string) string {
	v, _ := o.value(path)
	text, _ := asText(v)
	return text
}

// on reports whether a switch is on.
func (o *options) on(path string) bool {
	v, _ := o.value(path)
	on, _ := truth(v)
	return on
}

// has reports whether there is a value that is not empty at or below a path.
func (o *options) has(path string) bool {
	for at, v := range o.values {
		if at != path && !strings.HasPrefix(at, path+".") {
			continue
		}
		if text, ok := asText(v); !ok && !isEmpty(v) || text != "" {
			return true
		}
	}
	return false
}

func isEmpty(v any) bool {
	list, ok := v.([]any)
	return v == nil || v == "" || ok && len(list) == 0
}

// count is the number of elements of the list at a path.
func (o *options) count(path string) (n int) {
	for at := range o.values {
		rest, below := strings.CutPrefix(at, path+".")
		if !below {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(digits); err == nil && i >= n && i < mostElements {
			n = i + 1
		}
	}
	return n
}

// mostElements is the maximum length of a list: a file can contain any index.
const mostElements = 100_000

// texts are the texts of the list at a path.
func (o *options) texts(path string) (list []string) {
	for i := range o.count(path) {
		if text := o.text(fmt.Sprintf("%s.%d", path, i)); text != "" {
			list = append(list, text)
		}
	}
	return list
}

// table are the texts of the map at a path.
func (o *options) table(path string) map[string]string {
	table := map[string]string{}
	for at := range o.values {
		if key, below := strings.CutPrefix(at, path+"."); below {
			table[key] = o.text(at)
		}
	}
	return table
}

// use marks everything at and below a path as carried over.
func (o *options) use(path string) {
	for at := range o.values {
		if at == path || strings.HasPrefix(at, path+".") {
			o.used[at] = true
		}
	}
}

// left are the paths, sorted, of values that were not carried over.
func (o *options) left() (paths []string) {
	for _, path := range slices.Sorted(maps.Keys(o.values)) {
		if !o.used[path] && !isEmpty(o.values[path]) {
			paths = append(paths, path)
		}
	}
	return paths
}
