package sockets

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"fanfare/channels"
)

// The lines of the HTTP transports (docs/spec/http-fallback.md#lines). All of
// them are ASCII, so that a line has as many bytes as UTF-16 units, which pusher-js
// counts.
const (
	lineHeartbeat = "h\n"
	lineActivity  = "a[]\n"
	preludeSize   = 2048 // number of h before the first line of a stream
)

// openLine returns the line that opens a session. The client keeps the port of its
// URL, so a host name with a port would make the URL invalid.
func openLine(hostName string) ([]byte, error) {
	for _, b := range []byte(hostName) {
		if (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && b != '-' && b != '.' {
			return nil, fmt.Errorf("%q is not a bare host name", hostName)
		}
	}
	if hostName == "" {
		return []byte("o\n"), nil
	}
	return []byte(`o{"hostname":"` + hostName + "\"}\n"), nil
}

// appendFrames appends frames as lines until all are appended or dst is longer than
// most, and returns how many frames were appended.
func appendFrames(dst []byte, frames []*channels.Frame, most int) ([]byte, int) {
	open := false // a line that begins with a[ is not ended
	for i, f := range frames {
		if len(dst) > most {
			return endMessages(dst, open), i
		}
		switch {
		case f.IsControl():
			dst = append(endMessages(dst, open), f.Bytes()...)
			open = false
			continue
		case open:
			dst = append(dst, ',')
		default:
			dst = append(dst, 'a', '[')
			open = true
		}
		dst = appendQuoted(dst, f.Payload())
	}
	return endMessages(dst, open), len(frames)
}

func endMessages(dst []byte, open bool) []byte {
	if open {
		return append(dst, ']', '\n')
	}
	return dst
}

// appendClose appends a close line.
func appendClose(dst []byte, code int, reason string) []byte {
	dst = append(dst, 'c', '[')
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, ',')
	dst = appendQuoted(dst, []byte(reason))
	return append(dst, ']', '\n')
}

// appendQuoted appends text as a JSON string that is pure ASCII.
func appendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		plain := i
		for plain < len(text) && text[plain] >= ' ' && text[plain] < utf8.RuneSelf && text[plain] != '"' && text[plain] != '\\' {
			plain++
		}
		if dst, i = append(dst, text[i:plain]...), plain; i == len(text) {
			break
		}
		switch b := text[i]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			i += size
			if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
				dst = appendUnit(appendUnit(dst, uint16(r1)), uint16(r2))
			} else {
				dst = appendUnit(dst, uint16(r))
			}
		}
	}
	return append(dst, '"')
}

func appendUnit(dst []byte, unit uint16) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[unit>>12], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
}
