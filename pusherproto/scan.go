package pusherproto

import (
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds how deep arrays and objects may nest in one value. Beyond it the text is refused;
// the scan keeps its own small stack, so no input can overflow the goroutine's.
const maxDepth = 512

// fault says why a text is not JSON as RFC 8259 wants it. The zero fault is none.
type fault uint8

const (
	faultEnd fault = iota + 1
	faultSyntax
	faultUTF8
	faultEscape
	faultControl
	faultNumber
	faultDepth
	faultTrailing
)

// at describes the fault with its place, counted in bytes from the start.
func (f fault) at(offset int) string {
	what := "unexpected character"
	switch f {
	case faultEnd:
		return "it ends too early"
	case faultUTF8:
		what = "invalid UTF-8"
	case faultEscape:
		what = "invalid escape in a string"
	case faultControl:
		what = "unescaped control character in a string"
	case faultNumber:
		what = "malformed number"
	case faultDepth:
		what = "more than " + strconv.Itoa(maxDepth) + " levels of nesting"
	case faultTrailing:
		what = "something follows the value"
	}
	return what + " at byte " + strconv.Itoa(offset)
}

type text interface{ ~string | ~[]byte }

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainRun returns the first index from i on whose byte needs a look inside a JSON string: a quote, a
// backslash, a control character, or anything beyond ASCII. Eight bytes at a time: payloads are mostly
// plain text, and this loop is most of the cost of scanning one.
func plainRun[T text](s T, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote := w ^ lows*'"'
		slash := w ^ lows*'\\'
		// A term's lowest set bit is exact; bits above it may be borrowed ones and are not looked at.
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

// scanString scans the string literal whose opening quote is b[i] and returns the index behind its
// closing quote, or where and why it is none.
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

// escapeLen returns the length of the escape b begins with, 2 or 6, or 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
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

// scanValue scans the value at b[i], white space before it included, and returns the index behind it.
func scanValue(b []byte, i int) (int, fault) {
	var objects [maxDepth / 64]uint64 // bit d: the container at depth d is an object
	depth := 0
	var f fault
	for {
		i = skipSpace(b, i)
		if i >= len(b) {
			return i, faultEnd
		}
		switch c := b[i]; c {
		case '{', '[':
			if depth == maxDepth {
				return i, faultDepth
			}
			mask := uint64(1) << (depth % 64)
			objects[depth/64] &^= mask
			if c == '{' {
				objects[depth/64] |= mask
			}
			depth++
			i = skipSpace(b, i+1)
			if i < len(b) && b[i] == c+2 { // '}' is '{'+2, ']' is '['+2
				i++
				depth--
				break
			}
			if c == '{' {
				if i, f = scanKey(b, i); f != 0 {
					return i, f
				}
			}
			continue
		default:
			if i, f = scanScalar(b, i); f != 0 {
				return i, f
			}
		}

		// A value is complete: leave the containers that end here, or go on to the next value.
		for again := false; !again; {
			if depth == 0 {
				return i, 0
			}
			i = skipSpace(b, i)
			if i >= len(b) {
				return i, faultEnd
			}
			inObject := objects[(depth-1)/64]>>((depth-1)%64)&1 == 1
			switch {
			case b[i] == ',':
				i++
				if inObject {
					if i, f = scanKey(b, skipSpace(b, i)); f != 0 {
						return i, f
					}
				}
				again = true
			case b[i] == '}' && inObject, b[i] == ']' && !inObject:
				i++
				depth--
			default:
				return i, faultSyntax
			}
		}
	}
}

// scanKey scans a member's name and the colon after it.
func scanKey(b []byte, i int) (int, fault) {
	if i >= len(b) {
		return i, faultEnd
	}
	if b[i] != '"' {
		return i, faultSyntax
	}
	i, f := scanString(b, i)
	if f != 0 {
		return i, f
	}
	i = skipSpace(b, i)
	if i >= len(b) {
		return i, faultEnd
	}
	if b[i] != ':' {
		return i, faultSyntax
	}
	return i + 1, 0
}
