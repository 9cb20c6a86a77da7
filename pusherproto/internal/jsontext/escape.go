package jsontext

import (
	"bytes"
	"unicode/utf8"
	"unsafe"
)

// AppendString appends s as a JSON string literal: quotes, backslashes, control characters and
// U+2028/U+2029 escaped, invalid UTF-8 replaced by \ufffd, everything else as it is.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s, 1)
	return append(dst, '"')
}

// Literal returns text as a JSON string literal in a new slice.
func Literal(text []byte) []byte {
	literal := make([]byte, 0, len(text)+bytes.Count(text, []byte{'"'})+bytes.Count(text, []byte{'\\'})+2)
	literal = append(literal, '"')
	literal = AppendEscaped(literal, text)
	return append(literal, '"')
}

// AppendNested appends s as a JSON string literal that is itself inside a JSON string: \"…\".
func AppendNested(dst []byte, s string) []byte {
	dst = append(dst, `\"`...)
	dst = appendEscaped(dst, s, 2)
	return append(dst, `\"`...)
}

// AppendEscaped appends s as the content of a JSON string literal.
func AppendEscaped(dst, s []byte) []byte {
	return appendEscaped(dst, unsafe.String(unsafe.SliceData(s), len(s)), 1)
}

// appendEscaped appends s, escaped for a JSON string. level is 1 for the content of a string, 2 for the
// content of a string in JSON text that is itself the content of a string. It is not generic, unlike
// plainRun: when a generic function is inlined into another package, the compiler moves its arguments to
// the heap, which cost two allocations per client event.
func appendEscaped(dst []byte, s string, level int) []byte {
	start := 0 // s[:start] is in dst
	for i := plainRun(s, 0); i < len(s); i = plainRun(s, i) {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, c, level)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if (r == utf8.RuneError && n == 1) || r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[start:i]...)
			start = i + n
			if level == 2 {
				dst = append(dst, '\\')
			}
			switch r {
			case '\u2028':
				dst = append(dst, `\u2028`...)
			case '\u2029':
				dst = append(dst, `\u2029`...)
			default:
				dst = append(dst, `\ufffd`...)
			}
		}
		i += n
	}
	return append(dst, s[start:]...)
}

// appendEscape appends the escape of one ASCII character. Level 2 also escapes what level 1 wrote: its
// backslash, and a quote or backslash after it.
func appendEscape(dst []byte, c byte, level int) []byte {
	const hex = "0123456789abcdef"
	if level == 2 {
		dst = append(dst, '\\')
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
	}
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
