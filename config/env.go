package config

import (
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
// It returns what they set and remarks on those that set nothing.
func readEnv(env []string, r *report) (layer, []string) {
	l := newLayer()
	var warnings []string
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
			warnings = append(warnings, "the variable "+name+" sets no key"+suggestVariable(name, fields))
			continue
		}
		l.set(path, value)
		r.sources[path] = name
	}
	return l, warnings
}

// set puts a value at path and makes the lists around it long enough.
func (l layer) set(path string, value any) {
	l.values[path] = value
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if n, err := strconv.Atoi(part); err == nil {
			list := strings.Join(parts[:i], ".")
			l.lengths[list] = max(l.lengths[list], n+1)
		}
	}
}

// maxEnvIndex bounds the index in a variable's name, so that a typing error
// does not make a million empty apps.
const maxEnvIndex = 999

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
