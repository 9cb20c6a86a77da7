package foreign

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// assignment begins a line of a .env file. Pusher's dashboard shows keys in the
// same form, with blanks around the sign.
var assignment = regexp.MustCompile(`^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*`)

// readVariables reads a .env file into vars, as Laravel does: values in single
// quotes as they are, in double quotes with escapes, and ${NAME} replaced by a
// variable that was set before. An error names the line and repeats nothing of
// it.
func readVariables(text string, vars map[string]string) error {
	rest := strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	for line := 1; rest != ""; {
		end := strings.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		blank := strings.TrimSpace(rest[:end])
		if blank == "" || blank[0] == '#' {
			rest = rest[end:]
			line++
			continue
		}
		body := strings.TrimLeft(rest, " \t")
		m := assignment.FindStringSubmatch(body[:min(len(body), end)])
		if m == nil {
			return fmt.Errorf("line %d is not NAME=value", line)
		}
		value, after, err := readValue(body[len(m[0]):], vars)
		if err != nil {
			return fmt.Errorf("line %d: the value of %s %w", line, m[1], err)
		}
		vars[m[1]] = value
		line += strings.Count(rest[:len(rest)-len(after)], "\n")
		rest = after
	}
	return nil
}

// readValue reads the value that s begins with, and returns the lines after it.
func readValue(s string, vars map[string]string) (value, rest string, err error) {
	var b strings.Builder
	switch {
	case strings.HasPrefix(s, "'"):
		end := strings.IndexByte(s[1:], '\'')
		if end < 0 {
			return "", "", errors.New("has no closing quote")
		}
		b.WriteString(s[1 : 1+end])
		s = s[1+end+1:]
	case strings.HasPrefix(s, `"`):
		i := 1
		for ; i < len(s) && s[i] != '"'; i++ {
			if s[i] != '\\' || i+1 == len(s) {
				b.WriteByte(s[i])
				continue
			}
			i++
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case 'r':
				b.WriteByte('\r')
			case 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(s[i])
			}
		}
		if i == len(s) {
			return "", "", errors.New("has no closing quote")
		}
		s = s[i+1:]
		plain, err := replaceNames(b.String(), vars)
		if err != nil {
			return "", "", err
		}
		b.Reset()
		b.WriteString(plain)
	default:
		line, _, _ := strings.Cut(s, "\n")
		text := line
		if i := strings.Index(" "+text, " #"); i >= 0 { // a comment
			text = text[:max(0, i-1)]
		}
		plain, err := replaceNames(strings.TrimSpace(text), vars)
		if err != nil {
			return "", "", err
		}
		b.WriteString(plain)
		s = s[len(line):]
	}
	_, rest, _ = strings.Cut(s, "\n")
	return b.String(), rest, nil
}

var named = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_.]*)\}`)

// longestMade is the maximum length, in bytes, of a text with its variables
// replaced. Variables that refer to others could make it grow exponentially.
const longestMade = 64 << 10

// replaceNames replaces ${NAME} by the value of a variable; one that is not
// known stays as it is.
func replaceNames(text string, vars map[string]string) (string, error) {
	size, made := len(text), false
	plain := named.ReplaceAllStringFunc(text, func(found string) string {
		value, ok := vars[found[2:len(found)-1]]
		if !ok {
			return found
		}
		made = true
		if size += len(value); size > longestMade {
			return ""
		}
		return value
	})
	if made && size > longestMade {
		return "", fmt.Errorf("is longer than %d bytes after its variables are replaced", longestMade)
	}
	return plain, nil
}
