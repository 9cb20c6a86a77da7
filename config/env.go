package config

import (
	"fmt"
	"iter"
	"regexp"
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
// It returns what they set and notes those that set nothing. inFile is the
// length of each list of the file.
func readEnv(env []string, inFile map[string]int, r *report) layer {
	l := newLayer()
	fields := schema()
	for _, pair := range slices.Sorted(slices.Values(env)) {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours || name == FileVariable {
			continue
		}
		path, inOwnFile, ok := meant(rest, fields)
		if !ok {
			if !fromKubernetes(rest, value) {
				r.unknown = append(r.unknown, Problem{Source: name, Text: "the variable matches no key" + suggestVariable(name, fields)})
			}
			continue
		}
		before, twice := l.values[path]
		first := r.sources[path]
		r.begin(path, name, inFile)
		switch {
		case twice && (inOwnFile || strings.HasSuffix(first.name, fileSuffix)):
			r.add(path, fmt.Sprintf("is also set by %s; keep one of them", first))
		case inOwnFile:
			var err error
			if value, err = readValue(value); err != nil {
				r.add(path, err.Error())
			}
			r.held[path] = value
		case twice && before != value:
			r.warnings = append(r.warnings, Problem{Source: name, Text: fmt.Sprintf("sets %s, which %s sets to another value; this one is used", display(path), first)})
		}
		l.set(path, value)
	}
	return l
}

// meant returns the path of the key that a variable sets. inOwnFile is true if
// the variable holds the name of a file with the value.
func meant(rest string, fields []*field) (path string, inOwnFile, ok bool) {
	if path, ok = named(rest, fields); ok {
		return path, false, true
	}
	if rest, inOwnFile = strings.CutSuffix(rest, fileSuffix); !inOwnFile {
		return "", false, false
	}
	path, ok = named(rest, fields)
	return path, true, ok
}

// named returns the path of the key whose variable is FANFARE_ and rest.
func named(rest string, fields []*field) (path string, ok bool) {
	if path, ok = aliases[rest]; ok {
		return path, true
	}
	return match(rest, "", fields)
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

// maxEnvIndex is the largest index in the name of a variable, so that a typing
// error does not add a million empty apps.
const maxEnvIndex = 999

// shortest returns the variable that sets the key at path: its short name, if it
// has one.
func shortest(path string) string {
	for alias, p := range aliases {
		if p == path {
			return envPrefix + alias
		}
	}
	return variable(path)
}

// match finds the key that a variable sets. Keys contain underscores too, so
// match tries every key that rest begins with.
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

// kubernetes matches what follows FANFARE_ in the variables that Kubernetes and
// Docker links set in containers for a service whose name begins with fanfare.
var kubernetes = regexp.MustCompile(`^(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

func fromKubernetes(rest, value string) bool {
	if rest == "PORT" || strings.HasSuffix(rest, "_PORT") {
		return strings.Contains(value, "://") // a plain number is more likely meant as the port of listen
	}
	return kubernetes.MatchString(rest)
}

// meansApp reports whether a variable that sets no key was meant for an app.
func meansApp(name string) bool {
	return name == envPrefix+"APPS" || strings.HasPrefix(name, envPrefix+"APP_") || strings.HasPrefix(name, envPrefix+"APPS_")
}

func suggestVariable(name string, fields []*field) string {
	if name == envPrefix+"PORT" || name == envPrefix+"HOST" {
		return "; clients are served on the address in " + envPrefix + "LISTEN, such as :6001"
	}
	var names []string
	collect(fields, "", &names)
	for alias := range aliases {
		names = append(names, envPrefix+alias)
	}
	if strings.HasSuffix(name, fileSuffix) {
		for _, n := range names {
			names = append(names, n+fileSuffix)
		}
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
