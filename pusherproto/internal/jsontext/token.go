package jsontext

import (
	"math/bits"
	"unicode/utf8"
)

type Text interface{ ~string | ~[]byte }

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainRun returns the first index from i on whose byte needs special treatment in a JSON string: a
// quote, a backslash, a control character, or a byte outside ASCII. It checks eight bytes at a time,
// because most payloads are plain text and this loop is most of the cost of scanning one.
func plainRun[T Text](s T, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote := w ^ lows*'"'
		slash := w ^ lows*'\\'
		// The lowest set bit of each term is exact. Higher bits may come from a borrow, and are not
		// used.
		hit := (w | (w-lows*0x20)&^w | (quote-lows)&^quote | (slash-lows)&^slash) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return i
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// scanString scans the string literal whose opening quote is b[i] and returns the index after its
// closing quote, or the index and kind of the fault.
func scanString(b []byte, i int) (int, fault) {
	i++
	for {
		i = plainRun(b, i)
		if i >= len(b) {
			return i, faultEnd
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, 0
		case c == '\\':
			n := escapeLen(b[i:])
			if n == 0 {
				return i, faultEscape
			}
			i += n
		case c < 0x20:
			return i, faultControl
		default:
			for i < len(b) && b[i] >= utf8.RuneSelf {
				r, n := utf8.DecodeRune(b[i:])
				if r == utf8.RuneError && n == 1 {
					return i, faultUTF8
				}
				i += n
			}
		}
	}
}

// escapeLen returns the length of the escape with which b begins, 2 or 6, or 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 || b[0] != '\\' {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads four hex digits.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// scanNumber scans the number that begins at b[i].
func scanNumber(b []byte, i int) (int, fault) {
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	default:
		n := digits(b, i)
		if n == i {
			return i, faultNumber
		}
		i = n
	}
	if i < len(b) && b[i] == '.' {
		n := digits(b, i+1)
		if n == i+1 {
			return i, faultNumber
		}
		i = n
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := digits(b, i)
		if n == i {
			return i, faultNumber
		}
		i = n
	}
	return i, 0
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

// scanScalar scans a string, number, true, false or null at b[i].
func scanScalar(b []byte, i int) (int, fault) {
	word := ""
	switch c := b[i]; {
	case c == '"':
		return scanString(b, i)
	case c == '-' || '0' <= c && c <= '9':
		return scanNumber(b, i)
	case c == 't':
		word = "true"
	case c == 'f':
		word = "false"
	case c == 'n':
		word = "null"
	default:
		return i, faultSyntax
	}
	for k := 0; k < len(word); k++ {
		if i+k >= len(b) {
			return i + k, faultEnd
		}
		if b[i+k] != word[k] {
			return i + k, faultSyntax
		}
	}
	return i + len(word), 0
}
