package foreign

import (
	"errors"
	"fmt"
	"strconv"
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
			return nil, errors.New("returns no array; give a file of Laravel's config folder, such as config/reverb.php")
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
	open  string // quotes that a text has begun with which has no end: no later one has
}

// blank skips blanks and comments.
func (p *php) blank() {
	for p.pos < len(p.s) {
		rest := p.s[p.pos:]
		end := -1
		switch {
		case strings.ContainsRune(" \t\r\n", rune(rest[0])):
			p.pos++
			continue
		case strings.HasPrefix(rest, "/*"):
			if end = strings.Index(rest, "*/"); end >= 0 {
				end += len("*/")
			}
		case strings.HasPrefix(rest, "//"), rest[0] == '#' && !strings.HasPrefix(rest, "#["):
			end = strings.IndexByte(rest, '\n')
		default:
			return
		}
		if end < 0 {
			end = len(rest)
		}
		p.pos += end
	}
}

// take skips s if it comes next.
func (p *php) take(s string) bool {
	if strings.HasPrefix(p.s[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func nameByte(c byte) bool {
	return c == '_' || c == '\\' || c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// name reads a word, "" if there is none.
func (p *php) name() string {
	start := p.pos
	for p.pos < len(p.s) && nameByte(p.s[p.pos]) {
		p.pos++
	}
	return p.s[start:p.pos]
}

// word skips a word that stands by itself.
func (p *php) word(w string) bool {
	end := p.pos + len(w)
	if end > len(p.s) || !strings.EqualFold(p.s[p.pos:end], w) || end < len(p.s) && nameByte(p.s[end]) || p.pos > 0 && nameByte(p.s[p.pos-1]) {
		return false
	}
	p.pos = end
	return true
}

// skipOne skips a text or a character.
func (p *php) skipOne() {
	if c := p.s[p.pos]; (c == '\'' || c == '"') && strings.IndexByte(p.open, c) < 0 {
		if _, ok := p.text(); ok {
			return
		}
		p.open += string(c)
	}
	p.pos++
}

// skipRest skips the rest of an expression that is not understood.
func (p *php) skipRest() {
	open := 0
	for {
		p.blank()
		if p.pos >= len(p.s) {
			return
		}
		switch c := p.s[p.pos]; c {
		case '(', '[', '{':
			open++
		case ')', ']', '}':
			if open == 0 {
				return
			}
			open--
		case ',', ';':
			if open == 0 {
				return
			}
		}
		p.skipOne()
	}
}

// ends tells whether an expression ends here.
func (p *php) ends() bool {
	p.blank()
	return p.pos >= len(p.s) || strings.IndexByte(",;)]", p.s[p.pos]) >= 0 || strings.HasPrefix(p.s[p.pos:], "=>")
}

// expression reads one. Operators are taken from left to right.
func (p *php) expression() (any, error) {
	v, err := p.operand()
	if err != nil {
		return nil, err
	}
	for !p.ends() {
		operator := ""
		for _, o := range []string{"===", "!==", "==", "!=", "??", "?:", "."} {
			if p.take(o) {
				operator = o
				break
			}
		}
		if operator == "" {
			p.skipRest()
			return computed{}, nil
		}
		right, err := p.operand()
		if err != nil {
			return nil, err
		}
		v = operate(operator, v, right)
	}
	return v, nil
}

func operate(operator string, left, right any) any {
	l, r := plain(left), plain(right)
	if l == any(computed{}) || r == any(computed{}) {
		return computed{}
	}
	switch operator {
	case "??":
		if l == nil {
			return right
		}
		return left
	case "?:":
		if on, ok := truth(l); !ok || !on {
			return right
		}
		return left
	case ".":
		a, okA := asText(l)
		b, okB := asText(r)
		if !okA || !okB || len(a)+len(b) > longestMade {
			return computed{}
		}
		return a + b
	}
	a, okA := asText(l)
	b, okB := asText(r)
	if !okA || !okB {
		return computed{}
	}
	return (a == b) == (operator[0] == '=')
}

// operand reads a value.
func (p *php) operand() (any, error) {
	p.blank()
	if p.pos >= len(p.s) {
		return nil, errors.New("the file ends within an expression")
	}
	switch c := p.s[p.pos]; {
	case c == '[':
		p.pos++
		return p.array(']')
	case c == '\'' || c == '"':
		text, ok := p.text()
		if !ok {
			return nil, errors.New("a text has no closing quote")
		}
		if c == '"' && strings.Contains(text, "$") {
			return computed{}, nil
		}
		return text, nil
	case '0' <= c && c <= '9', c == '-':
		return p.number(), nil
	case c == '(':
		return p.parenthesis()
	case nameByte(c):
		return p.named()
	}
	p.skipRest()
	return computed{}, nil
}

// text reads a text in quotes.
func (p *php) text() (string, bool) {
	quote := p.s[p.pos]
	var b strings.Builder
	for i := p.pos + 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == quote:
			p.pos = i + 1
			return b.String(), true
		case c == '\\' && i+1 < len(p.s):
			i++
			escaped := p.s[i]
			if quote == '"' {
				if at := strings.IndexByte("nrt", escaped); at >= 0 {
					b.WriteByte("\n\r\t"[at])
					continue
				}
			}
			if escaped != quote && escaped != '\\' && (quote == '\'' || escaped != '$') {
				b.WriteByte('\\')
			}
			b.WriteByte(escaped)
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func (p *php) number() any {
	start := p.pos
	p.take("-")
	for p.pos < len(p.s) && (nameByte(p.s[p.pos]) || p.s[p.pos] == '.') {
		p.pos++
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(p.s[start:p.pos], "_", ""), 64)
	if err != nil {
		return computed{}
	}
	return n
}

// parenthesis reads an expression in parentheses, or a cast and what it casts.
func (p *php) parenthesis() (any, error) {
	p.pos++
	if p.depth++; p.depth > deepest {
		return nil, errors.New("is nested too deep")
	}
	defer func() { p.depth-- }()
	p.blank()
	for _, cast := range []string{"bool", "boolean", "int", "integer", "float", "string", "array"} {
		if !p.word(cast) {
			continue
		}
		p.blank()
		if !p.take(")") {
			break
		}
		return p.operand() // of whatever type, the value is read as its key wants it
	}
	v, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.blank(); !p.take(")") {
		p.skipRest()
		p.take(")")
		return computed{}, nil
	}
	return v, nil
}

// named reads what begins with a name.
func (p *php) named() (any, error) {
	name := strings.ToLower(strings.TrimPrefix(p.name(), `\`))
	switch name {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	p.blank()
	if !p.take("(") {
		p.skipName()
		return computed{}, nil
	}
	if name == "array" {
		return p.array(')')
	}
	list, err := p.array(')')
	if err != nil {
		return nil, err
	}
	args, _ := list.([]any)
	switch {
	case name == "env" && len(args) > 0:
		return p.variable(args), nil
	case name == "explode" && len(args) == 2:
		separator, okS := plain(args[0]).(string)
		text, okT := asText(plain(args[1]))
		if okS && okT && separator != "" {
			parts := []any{}
			for part := range strings.SplitSeq(text, separator) {
				parts = append(parts, part)
			}
			return parts, nil
		}
	}
	p.skipName()
	return computed{}, nil
}

// skipName skips what goes on behind a name that is not understood, but not a
// => behind the name of a class.
func (p *php) skipName() {
	for !p.ends() {
		if p.take("::") || p.take("->") {
			p.name()
			continue
		}
		p.skipRest()
		return
	}
}

// variable is env(name, default), with the words that Laravel translates.
func (p *php) variable(args []any) any {
	name, ok := plain(args[0]).(string)
	if !ok {
		return computed{}
	}
	if text, set := p.env(name); set {
		return variable{name, laravelValue(text), true}
	}
	if len(args) > 1 {
		return variable{name, plain(args[1]), false}
	}
	return variable{name: name}
}

func laravelValue(text string) any {
	switch strings.ToLower(text) {
	case "true", "(true)":
		return true
	case "false", "(false)":
		return false
	case "null", "(null)":
		return nil
	case "empty", "(empty)":
		return ""
	}
	return text
}

// array reads elements up to the closing character: a list, or a map if any has
// a key.
func (p *php) array(closing byte) (any, error) {
	if p.depth++; p.depth > deepest {
		return nil, errors.New("is nested too deep")
	}
	defer func() { p.depth-- }()
	list, table := []any{}, map[string]any{}
	for {
		p.blank()
		switch {
		case p.pos >= len(p.s):
			return nil, errors.New("an array has no end")
		case p.s[p.pos] == closing:
			p.pos++
			if len(table) == 0 {
				return list, nil
			}
			for i, v := range list {
				table[strconv.Itoa(i)] = v
			}
			return table, nil
		case p.s[p.pos] == ',':
			p.pos++
			continue
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		if p.blank(); !p.take("=>") {
			if !p.ends() || p.pos < len(p.s) && (p.s[p.pos] == ';' || strings.IndexByte(")]", p.s[p.pos]) >= 0 && p.s[p.pos] != closing) {
				return nil, errors.New("an array has no end")
			}
			list = append(list, v)
			continue
		}
		value, err := p.expression()
		if err != nil {
			return nil, err
		}
		if key, ok := asText(plain(v)); ok {
			table[key] = value
		}
	}
}

// plain is a value without the name of the variable that it comes from.
func plain(v any) any {
	if of, ok := v.(variable); ok {
		return of.value
	}
	return v
}
