package foreign

import "strings"

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

// skipName skips the rest of an expression that begins with an unknown name, up
// to a => after the name of a class.
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
