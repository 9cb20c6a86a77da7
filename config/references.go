package config

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reference is ${NAME} or ${NAME:-default}, or $${, which stands for ${.
var reference = regexp.MustCompile(`\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^{}]*))?\}`)

// aReference is a value that is one reference and nothing else.
var aReference = regexp.MustCompile(`^(` + reference.String() + `)$`)

// literal escapes a text for a file, so that expand returns it unchanged.
func literal(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// environment is the variables that a file may name. Make one with
// newEnvironment.
type environment struct {
	values map[string]string
	named  map[string]bool // by the file
}

// newEnvironment reads variables in the form of os.Environ. If a variable occurs
// twice, the last one is used.
func newEnvironment(env []string) *environment {
	e := &environment{values: make(map[string]string, len(env)), named: map[string]bool{}}
	for _, pair := range env {
		if name, value, ok := strings.Cut(pair, "="); ok {
			e.values[name] = value
		}
	}
	return e
}

// expand replaces the references in a text of the file. A default is used if the
// variable is unset or empty. The value of a variable is not expanded again, and
// never parsed as YAML. missing is the first variable that is unset and has no
// default.
func (e *environment) expand(text string) (expanded, missing string) {
	if !strings.Contains(text, "${") {
		return text, ""
	}
	expanded = reference.ReplaceAllStringFunc(text, func(found string) string {
		if found == "$${" {
			return "${"
		}
		parts := reference.FindStringSubmatch(found)
		name, hasDefault, standby := parts[1], parts[2] != "", parts[3]
		e.named[name] = true
		value, set := e.values[name]
		switch {
		case hasDefault && value == "":
			return standby
		case !set && missing == "":
			missing = name
		}
		return value
	})
	return expanded, missing
}

// expand returns the text of a scalar with its references replaced. If a variable
// is not set, it notes the problem, and ok is false.
func (f *fileReader) expand(path string, n *yaml.Node) (text string, ok bool) {
	text, missing := f.env.expand(n.Value)
	if text != n.Value {
		f.report.held[path] = text
		f.report.escaped[path] = strings.Contains(n.Value, "$${")
	}
	if missing != "" {
		f.wrong(path, n, fmt.Sprintf("refers to the variable %s, which is not set; set it, or write ${%[1]s:-default}", missing))
		return "", false
	}
	return text, true
}
