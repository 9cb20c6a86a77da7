package logs

import (
	"context"
	"encoding"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pretty writes lines for a terminal. It escapes control characters in values,
// because clients can send them; other colour handlers do not.
type pretty struct {
	out    io.Writer
	color  bool
	prefix string // of keys: the groups, each with a dot
	attrs  []byte // of WithAttrs
}

const (
	ansiReset  = "\x1b[0m"
	ansiFaint  = "\x1b[2m"
	ansiBold   = "\x1b[1m"
	ansiGreen  = "\x1b[32m"
	ansiYellow = "\x1b[33m"
	ansiRed    = "\x1b[31m"
	ansiCyan   = "\x1b[36m"
)

// messageWidth is the width to which messages are padded, so that values line up.
const messageWidth = 24

// payloadKey is the attribute whose printable characters are shown as they were
// sent, without quotes.
const payloadKey = "payload"

// wantsColor reports whether w is a terminal and the environment does not turn
// colours off (no-color.org).
func wantsColor(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Enabled implements slog.Handler.
func (p *pretty) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (p *pretty) Handle(_ context.Context, r slog.Record) error {
	b := make([]byte, 0, 256)
	b = p.paint(b, ansiFaint, r.Time.Format("15:04:05.000"))
	name, color := levelName(r.Level)
	b = p.paint(append(b, ' '), color, name)
	message := string(appendPrintable(nil, r.Message))
	b = p.paint(append(b, ' '), ansiBold, message)
	if r.NumAttrs() > 0 || len(p.attrs) > 0 {
		b = append(b, strings.Repeat(" ", max(0, messageWidth-utf8.RuneCountInString(message)))...)
	}
	b = append(b, p.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		b = p.appendAttr(b, p.prefix, a)
		return true
	})
	_, err := p.out.Write(append(b, '\n'))
	return err
}

// WithAttrs implements slog.Handler.
func (p *pretty) WithAttrs(attrs []slog.Attr) slog.Handler {
	q := *p
	q.attrs = append([]byte(nil), p.attrs...)
	for _, a := range attrs {
		q.attrs = p.appendAttr(q.attrs, p.prefix, a)
	}
	return &q
}

// WithGroup implements slog.Handler.
func (p *pretty) WithGroup(name string) slog.Handler {
	q := *p
	q.prefix += name + "."
	return &q
}

func levelName(l slog.Level) (name, color string) {
	switch {
	case l >= slog.LevelError:
		return "ERROR", ansiRed
	case l >= slog.LevelWarn:
		return "WARN ", ansiYellow
	case l >= slog.LevelInfo:
		return "INFO ", ansiGreen
	case l >= slog.LevelDebug:
		return "DEBUG", ansiCyan
	default:
		return "TRACE", ansiFaint
	}
}

func (p *pretty) paint(b []byte, color, text string) []byte {
	if !p.color {
		return append(b, text...)
	}
	return append(append(append(b, color...), text...), ansiReset...)
}

func (p *pretty) appendAttr(b []byte, prefix string, a slog.Attr) []byte {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return b
	}
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range a.Value.Group() {
			b = p.appendAttr(b, prefix, member)
		}
		return b
	}
	b = append(b, ' ')
	b = p.paint(b, ansiFaint, string(appendPrintable(nil, prefix+a.Key))+"=")
	text := show(a.Value)
	if a.Key != payloadKey && needsQuotes(text) {
		return strconv.AppendQuote(b, text)
	}
	return appendPrintable(b, text)
}

// show returns a value as text.
func show(v slog.Value) string {
	switch v.Kind() {
	case slog.KindDuration:
		return duration(v.Duration())
	case slog.KindAny:
		switch x := v.Any().(type) {
		case error:
			return x.Error()
		case encoding.TextMarshaler:
			if text, err := x.MarshalText(); err == nil {
				return string(text)
			}
		case []byte:
			return string(x)
		}
		return fmt.Sprintf("%+v", v.Any())
	default:
		return v.String()
	}
}

func needsQuotes(s string) bool {
	return s == "" || strings.ContainsFunc(s, func(r rune) bool {
		return r == ' ' || r == '=' || r == '"' || r == utf8.RuneError || !unicode.IsPrint(r)
	})
}

// appendPrintable appends s, with Go's escapes for characters that cannot be
// printed, such as line ends.
func appendPrintable(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b = append(b, s[i:i+size]...)
		} else {
			quoted := strconv.Quote(s[i : i+size])
			b = append(b, quoted[1:len(quoted)-1]...)
		}
		i += size
	}
	return b
}
