package jsontext

import "strconv"

// maxDepth bounds the nesting of arrays and objects in one value; deeper nesting is refused. The
// scanner does not recurse, so no input can overflow the goroutine's stack.
const maxDepth = 512

// fault says why a text is not JSON (RFC 8259). The zero value means that it is.
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

// at describes the fault and its position in bytes from the start.
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
		what = "unexpected text after the value"
	}
	return what + " at byte " + strconv.Itoa(offset)
}

// scanValue scans the value at b[i], with white space before it, and returns the index after it.
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

		// A value is complete: leave the containers that end here, or continue with the next value.
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
