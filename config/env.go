package config

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

const envPrefix = "FANFARE_"

// FileVariable is the environment variable that names the configuration file.
const FileVariable = envPrefix + "CONFIG"

// aliases are the short names of the first app's keys.
var aliases = map[string]string{"APP_ID": "apps.0.id", "APP_KEY": "apps.0.key", "APP_SECRET": "apps.0.secret"}

// readEnv reads variables in the form of os.Environ against the table of keys.
// It returns what they set and warns of those that set nothing. inFile is the
// length of each list of the file.
func readEnv(env []string, inFile map[string]int, r *report) layer {
	l := newLayer()
	fields := schema()
	for _, pair := range slices.Sorted(slices.Values(env)) {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours || name == FileVariable || fromKubernetes(rest) {
			continue
		}
		path, ok := aliases[rest]
		if !ok {
			path, ok = match(rest, "", fields)
		}
		if !ok {
			r.warnings = append(r.warnings, Problem{Source: name, Text: "the variable sets no key" + suggestVariable(name, fields)})
			continue
		}
		if before, twice := l.values[path]; twice && before != value {
			r.warnings = append(r.warnings, Problem{Source: name, Text: fmt.Sprintf("sets %s, as %s does to another value; this one counts", display(path), r.sources[path])})
		}
		l.set(path, value)
		r.begin(path, name, inFile)
	}
	return l
}

// set puts a value at path and makes the lists around it long enough.
func (l layer) set(path string, value any) {
	l.values[path] = value
	for list, element := range elements(path) {
		l.lengths[list] = max(l.lengths[list], element.index+1)
	}
}

// element is one element of a list.
type element struct {
	path  string
	index int
}

// elements are the lists around the key at path, from the outside in, each with
// the element that the key is in.
func elements(path string) iter.Seq2[string, element] {
	return func(yield func(string, element) bool) {
		parts := strings.Split(path, ".")
		for i, part := range parts {
			n, err := strconv.Atoi(part)
			if err != nil || i == 0 {
				continue
			}
			if !yield(strings.Join(parts[:i], "."), element{strings.Join(parts[:i+1], "."), n}) {
				return
			}
		}
	}
}

// maxEnvIndex bounds the index in a variable's name, so that a typing error
// does not make a million empty apps.
const maxEnvIndex = 999

// shortest is the variable, the short one if there is one, that sets the key at
// path.
func shortest(path string) string {
	for alias, p := range aliases {
		if p == path {
			return envPrefix + alias
		}
	}
	return variable(path)
}

// match finds the key a variable means. Keys contain underscores too, so every
// key that fits is tried.
func match(rest, path string, fields []*field) (string, bool) {
	for _, f := range fields {
		tail, ok := strings.CutPrefix(rest, strings.ToUpper(f.key))
		if !ok {
			continue
		}
		p := join(path, f.key)
		if tail == "" {
			if f.isLeaf() {
				return p, true
			}
			continue
		}
		tail, ok = strings.CutPrefix(tail, "_")
		if !ok {
			continue
		}
		if f.kind == kindList {
			digits, after, found := strings.Cut(tail, "_")
			n, err := strconv.Atoi(digits)
			if !found || err != nil || n < 0 || n > maxEnvIndex || strconv.Itoa(n) != digits {
				continue
			}
			p, tail = join(p, digits), after
		}
		if found, ok := match(tail, p, f.fields); ok {
			return found, true
		}
	}
	return "", false
}

// fromKubernetes recognises the variables Kubernetes puts into every pod of a
// namespace that has a service called fanfare.
func fromKubernetes(rest string) bool {
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_")
}

func suggestVariable(name string, fields []*field) string {
	var names []string
	collect(fields, "", &names)
	for alias := range aliases {
		names = append(names, envPrefix+alias)
	}
	slices.Sort(names)
	if near, ok := nearest(name, names); ok {
		return "; did you mean " + near + "?"
	}
	return ""
}

// collect lists the variable of every key, with 0 as the index of lists.
func collect(fields []*field, path string, names *[]string) {
	for _, f := range fields {
		p := join(path, f.key)
		switch f.kind {
		case kindGroup:
			collect(f.fields, p, names)
		case kindList:
			collect(f.fields, join(p, "0"), names)
		default:
			*names = append(*names, variable(p))
		}
	}
}
