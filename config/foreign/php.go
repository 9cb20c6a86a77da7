package foreign

import (
	"errors"
	"fmt"
	"strings"
)

// computed is the value of an expression that only PHP can compute.
type computed struct{}

// variable is the value of env('NAME', default).
type variable struct {
	name  string
	value any
	set   bool // by the environment, and not the default
}

// deepest bounds the nesting of arrays.
const deepest = 50

// readPHP reads the array that a configuration file of Laravel returns: maps as
// map[string]any, lists as []any, texts, float64, bool, nil, and env() as
// variable. Whatever else PHP could compute is computed. env looks up a variable.
func readPHP(text string, env func(string) (string, bool)) (any, error) {
	p := php{s: text, env: env}
	for {
		p.blank()
		switch {
		case p.pos >= len(p.s):
			return nil, errors.New("does not return an array; name a file of Laravel's config folder, such as config/reverb.php")
		case p.word("return"):
			v, err := p.expression()
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", 1+strings.Count(p.s[:p.pos], "\n"), err)
			}
			return plain(v), nil
		}
		p.skipOne()
	}
}

type php struct {
	s     string
	pos   int
	depth int
	env   func(string) (string, bool)
	open  string // quote characters that opened a text without an end; none follows later
}

// plain is a value without the name of the variable that it comes from.
func plain(v any) any {
	if of, ok := v.(variable); ok {
		return of.value
	}
	return v
}
