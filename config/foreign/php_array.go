package foreign

import (
	"errors"
	"strconv"
	"strings"
)

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
			return nil, errors.New("an array is not closed")
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
				return nil, errors.New("an array is not closed")
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
