package logs

import (
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// An access log writes tens of thousands of lines a second, for which slog's
// handlers need three times the instructions. The functions below write a record
// of plain values byte for byte as those handlers do, and leave other records to
// them.

// quick appends the line of a record to dst. ok is false if it cannot write the
// record; the line is then unusable.
type quick func(dst []byte, r slog.Record) (line []byte, ok bool)

// quickBuffers holds buffers for lines.
var quickBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// writeQuickly writes a record's line, or returns false and writes nothing.
func (q quick) writeQuickly(out *writer, r slog.Record) (done bool, err error) {
	b := quickBuffers.Get().(*[]byte)
	line, ok := q((*b)[:0], r)
	if ok {
		_, err = out.Write(line)
	}
	*b = line[:0]
	quickBuffers.Put(b)
	return ok, err
}

// quickText writes the line of slog.TextHandler.
func quickText(dst []byte, r slog.Record) ([]byte, bool) {
	dst = append(dst, "time="...)
	dst = appendMillis(dst, r.Time)
	dst = append(dst, " level="...)
	dst = append(dst, levelText(r.Level)...)
	dst = append(dst, " msg="...)
	dst, ok := appendText(dst, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if ok = ok && len(a.Key) > 0 && unquoted(a.Key); !ok {
			return false
		}
		dst = append(dst, ' ')
		dst = append(dst, a.Key...)
		dst = append(dst, '=')
		switch a.Value.Kind() {
		case slog.KindString:
			dst, ok = appendText(dst, a.Value.String())
		case slog.KindDuration:
			dst = append(dst, duration(a.Value.Duration())...)
		default:
			dst, ok = appendNumber(dst, a.Value)
		}
		return ok
	})
	return append(dst, '\n'), ok && !r.Time.IsZero()
}

// quickJSON writes the line of slog.JSONHandler.
func quickJSON(dst []byte, r slog.Record) ([]byte, bool) {
	dst = append(dst, `{"time":"`...)
	dst = r.Time.AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","level":"`...)
	dst = append(dst, levelText(r.Level)...)
	dst = append(dst, `","msg":`...)
	dst, ok := appendJSON(dst, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		dst = append(dst, ',')
		if dst, ok = appendJSON(dst, a.Key); !ok || a.Key == "" {
			ok = false
			return false
		}
		dst = append(dst, ':')
		switch a.Value.Kind() {
		case slog.KindString:
			dst, ok = appendJSON(dst, a.Value.String())
		case slog.KindDuration:
			dst = append(dst, '"')
			dst = append(dst, duration(a.Value.Duration())...)
			dst = append(dst, '"')
		default:
			dst, ok = appendNumber(dst, a.Value)
		}
		return ok
	})
	return append(dst, '}', '\n'), ok && !r.Time.IsZero()
}

// appendMillis appends a time with milliseconds. It cuts them out of RFC3339Nano,
// as slog does, because AppendFormat has a fast path for that format.
func appendMillis(dst []byte, t time.Time) []byte {
	const digits = len("2006-01-02T15:04:05.000")
	begin := len(dst)
	t = t.Truncate(time.Millisecond).Add(time.Millisecond / 10)
	dst = t.AppendFormat(dst, time.RFC3339Nano)
	return append(dst[:begin+digits], dst[begin+digits+1:]...)
}

func levelText(l slog.Level) string {
	if l < slog.LevelDebug {
		return "TRACE"
	}
	return l.String()
}

func appendNumber(dst []byte, v slog.Value) ([]byte, bool) {
	switch v.Kind() {
	case slog.KindInt64:
		return strconv.AppendInt(dst, v.Int64(), 10), true
	case slog.KindUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10), true
	case slog.KindBool:
		return strconv.AppendBool(dst, v.Bool()), true
	}
	return dst, false
}

// appendText appends a string as a value of a text line.
func appendText(dst []byte, s string) ([]byte, bool) {
	if unquoted(s) && s != "" {
		return append(dst, s...), true
	}
	return appendJSON(dst, s) // without escapes, quoted text and JSON are the same
}

// appendJSON appends a string in quotes. It returns false if the string needs an
// escape.
func appendJSON(dst []byte, s string) ([]byte, bool) {
	dst = append(dst, '"')
	dst = append(dst, s...)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return dst, false
		}
	}
	return append(dst, '"'), true
}

// plainBytes are the bytes that need no quotes in a text line.
var plainBytes = func() (plain [256]bool) {
	for c := '!'; c <= '~'; c++ {
		plain[c] = c != '"' && c != '='
	}
	return plain
}()

func unquoted(s string) bool {
	for i := range len(s) {
		if !plainBytes[s[i]] {
			return false
		}
	}
	return true
}
