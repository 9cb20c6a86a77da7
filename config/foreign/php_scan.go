package foreign

import "strings"

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

// ends reports whether an expression ends here.
func (p *php) ends() bool {
	p.blank()
	return p.pos >= len(p.s) || strings.IndexByte(",;)]", p.s[p.pos]) >= 0 || strings.HasPrefix(p.s[p.pos:], "=>")
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
