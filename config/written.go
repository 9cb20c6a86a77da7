package config

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// checkWritten refuses text that is a value of no key: text in quotes, with space
// around it, with invisible characters, a placeholder or the mask. The errors
// never repeat the text, which may be a secret.
func (f *field) checkWritten(path string, raw any, r *report) bool {
	before := len(r.problems)
	add := func(path, text string) {
		if err := written(text, path, r.escaped[path]); err != nil {
			r.add(path, err.Error())
		}
	}
	switch raw := raw.(type) {
	case string:
		if f.kind == kindTexts && inBrackets(raw) {
			r.add(path, "must be separated by commas here, without brackets and quotes, such as a,b")
			break
		}
		add(path, raw)
	case []string:
		for i, text := range raw {
			add(join(path, strconv.Itoa(i)), text)
		}
	case map[string]string: // quotes have a meaning in headers
		for _, name := range slices.Sorted(maps.Keys(raw)) {
			text := raw[name]
			if placeholder.MatchString(text) && !r.escaped[join(path, name)] {
				r.add(join(path, name), "refers to a variable in a form that is not expanded; write the value, or ${NAME} in the file")
			}
			if text == masked {
				r.add(join(path, name), "is the mask that `fanfare config print` shows instead of the value; write the value")
			}
		}
	}
	return len(r.problems) == before
}

// placeholder matches a reference to a variable in the notation of other programs.
// ${NAME} in a file is replaced before.
var placeholder = regexp.MustCompile(`^(\$\{[^{}]*\}|\$[A-Z][A-Z0-9_]+|\$\(.*\)|\{\{.*\}\})$`)

func written(text, path string, escaped bool) error {
	c, hidden := unseen(text)
	switch {
	case inQuotes(text):
		return errors.New("begins and ends with a quote that is part of the value, as docker --env-file leaves it; write it without quotes")
	case strings.TrimSpace(text) != text:
		return errors.New("begins or ends with a space or a line end; remove it")
	case hidden:
		return fmt.Errorf("contains an invisible character (%U); type the value again", c)
	case placeholder.MatchString(text) && !escaped:
		return fmt.Errorf("refers to a variable in a form that is not expanded; write the value, or ${NAME} in the file, or set %s", shortest(path))
	case strings.Contains(text, masked):
		return errors.New("is the mask that `fanfare config print` shows instead of the value; write the value")
	}
	return nil
}

// inBrackets reports whether text is a list in brackets, and not an IPv6 address.
func inBrackets(text string) bool {
	inner, opened := strings.CutPrefix(strings.TrimSpace(text), "[")
	inner, closed := strings.CutSuffix(inner, "]")
	_, err := netip.ParseAddr(inner)
	return opened && closed && err != nil && !strings.ContainsAny(inner, "[]")
}

// inQuotes reports whether text begins and ends with quotes, typographic ones
// included.
func inQuotes(text string) bool {
	for _, q := range []struct{ open, end string }{{`"`, `"`}, {"'", "'"}, {"`", "`"}, {"“", "”"}, {"‘", "’"}, {"„", "“"}, {"«", "»"}} {
		inner, opened := strings.CutPrefix(text, q.open)
		if opened && strings.HasSuffix(inner, q.end) {
			return true
		}
	}
	return false
}

// unseen finds a control character, an invisible one, or an unusual space.
func unseen(text string) (rune, bool) {
	for _, c := range text {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c != ' ' && unicode.IsSpace(c) {
			return c, true
		}
	}
	return 0, false
}
