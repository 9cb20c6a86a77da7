package logs

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// escaping writes the lines of slog's handlers and escapes what they leave as it
// is: DEL and the C1 control characters, some of which a terminal would execute,
// and marks that change the direction of text. Only values contain them, and in
// JSON the escapes mean the same characters.
type escaping struct{ out io.Writer }

// Write implements io.Writer.
func (e escaping) Write(line []byte) (int, error) {
	if !obeyed(line) {
		return e.out.Write(line)
	}
	b := make([]byte, 0, len(line)+64)
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		if hidden(r) {
			b = fmt.Appendf(b, `\u%04x`, r)
		} else {
			b = append(b, line[i:i+size]...)
		}
		i += size
	}
	_, err := e.out.Write(b)
	return len(line), err
}

// obeyed reports whether a line has a character to escape.
func obeyed(line []byte) bool {
	for i := 0; i < len(line); {
		if line[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(line[i:])
		if hidden(r) {
			return true
		}
		i += size
	}
	return false
}

func hidden(r rune) bool {
	return r >= 0x7f && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}
