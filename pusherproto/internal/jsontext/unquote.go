package jsontext

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote decodes a string literal that the scanner accepted. Without escapes the result is a slice of
// raw. Half a surrogate pair becomes U+FFFD, as in encoding/json.
func Unquote(raw []byte) []byte {
	raw = raw[1 : len(raw)-1]
	slash := bytes.IndexByte(raw, '\\')
	if slash < 0 {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for slash >= 0 {
		out = append(out, raw[:slash]...)
		r, n := unescape(raw[slash:])
		out = utf8.AppendRune(out, r)
		raw = raw[slash+n:]
		slash = bytes.IndexByte(raw, '\\')
	}
	return append(out, raw...)
}

// unescape decodes the escape with which b begins (a surrogate pair counts as one) and returns its
// length. Invalid input becomes U+FFFD of length 1, so that no input causes a panic.
func unescape(b []byte) (r rune, n int) {
	switch escapeLen(b) {
	case 0:
		return utf8.RuneError, 1
	case 2:
		switch c := b[1]; c {
		case 'b':
			return '\b', 2
		case 'f':
			return '\f', 2
		case 'n':
			return '\n', 2
		case 'r':
			return '\r', 2
		case 't':
			return '\t', 2
		default:
			return rune(c), 2
		}
	}
	r, _ = hex4(b[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if b = b[6:]; escapeLen(b) == 6 {
		second, _ := hex4(b[2:])
		if pair := utf16.DecodeRune(r, second); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// HalfPair reports whether a string literal that the scanner accepted escapes half a surrogate pair,
// which is not a character. All halves decode to U+FFFD, so two names that differ in one would look the
// same.
func HalfPair(raw []byte) bool {
	for {
		slash := bytes.IndexByte(raw, '\\')
		if slash < 0 {
			return false
		}
		r, n := unescape(raw[slash:])
		if first, _ := hex4(raw[min(slash+2, len(raw)):]); r == utf8.RuneError && n == 6 && first != utf8.RuneError {
			return true
		}
		raw = raw[slash+n:]
	}
}

// Size returns the size of a value: the UTF-8 bytes of the decoded string if it is one, else the bytes of
// its text. Half a surrogate pair counts as three bytes.
func Size(raw []byte) int {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return len(raw)
	}
	raw = raw[1 : len(raw)-1]
	size := len(raw)
	for {
		slash := bytes.IndexByte(raw, '\\')
		if slash < 0 {
			return size
		}
		r, n := unescape(raw[slash:])
		size += utf8.RuneLen(r) - n
		raw = raw[slash+n:]
	}
}

// Compact returns the text of a valid value without white space between its tokens. It returns raw itself
// if there is none.
func Compact(raw []byte) []byte {
	var out []byte
	kept := 0 // raw[:kept] is in out
	for i := 0; i < len(raw); {
		switch raw[i] {
		case '"':
			end, f := scanString(raw, i)
			if f != 0 {
				end = len(raw)
			}
			i = end
		case ' ', '\n', '\t', '\r':
			if out == nil {
				out = make([]byte, 0, len(raw))
			}
			out = append(out, raw[kept:i]...)
			i = skipSpace(raw, i)
			kept = i
		default:
			i++
		}
	}
	if out == nil {
		return raw
	}
	return append(out, raw[kept:]...)
}
