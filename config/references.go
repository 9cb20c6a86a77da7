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

// literal is a text as a file has to hold it for expand to give it back.
func literal(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// environment is the variables that a file may name. Make one with
// newEnvironment.
type environment struct {
	values map[string]string
	named  map[string]bool // by the file
}

// newEnvironment reads variables in the form of os.Environ. Of one that is
// there twice the last counts.
func newEnvironment(env []string) *environment {
	e := &environment{values: make(map[string]string, len(env)), named: map[string]bool{}}
	for _, pair := range env {
		if name, value, ok := strings.Cut(pair, "="); ok {
			e.values[name] = value
		}
	}
	return e
}

// expand replaces the references in a text of the file. A default counts where
// the variable is not set, or empty. What a variable holds is not looked
// through again, and never becomes YAML. missing is a variable that is not set.
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

// expand is the text of a scalar with its references replaced. ok is false, and
// the problem noted, if a variable is not set.
func (f *fileReader) expand(path string, n *yaml.Node) (text string, ok bool) {
	text, missing := f.env.expand(n.Value)
	if text != n.Value {
		f.report.held[path] = text
		f.report.escaped[path] = strings.Contains(n.Value, "$${")
	}
	if missing != "" {
		f.wrong(path, n, fmt.Sprintf("names the variable %s, which is not set; set it, or write ${%[1]s:-default}", missing))
		return "", false
	}
	return text, true
}
