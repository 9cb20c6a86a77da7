package foreign

import (
	"errors"
	"strconv"
	"strings"
)

// expression reads an expression. Operators are applied from left to right,
// without precedence.
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
		return p.operand() // the key decides about the type, not the cast
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
