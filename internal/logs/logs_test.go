package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

func open(t *testing.T, w io.Writer, level, format string) *Logs {
	t.Helper()
	l, err := New(w, Options{Level: level, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// buffer is a log's output that may be read between writes.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take empties the buffer.
func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

// lines are what was written, without the time.
func lines(b *buffer) []string {
	text := strings.TrimSuffix(b.take(), "\n")
	if text == "" {
		return nil
	}
	list := strings.Split(text, "\n")
	for i, line := range list {
		list[i] = regexp.MustCompile(`^time=\S+ |"time":"[^"]*",|^\d\d:\d\d:\d\d\.\d{3} `).ReplaceAllString(line, "")
	}
	return list
}

func only(t *testing.T, b *buffer, want string) {
	t.Helper()
	got := lines(b)
	if len(got) != 1 || got[0] != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFormats_SameValues(t *testing.T) {
	for format, want := range map[string]string{
		"text":   `level=INFO msg="api call" app=a took=42.6µs spread=3s long=2h3m4s at=127.0.0.1 error="no such file" empty=""`,
		"json":   `{"level":"INFO","msg":"api call","app":"a","took":"42.6µs","spread":"3s","long":"2h3m4s","at":"127.0.0.1","error":"no such file","empty":""}`,
		"pretty": `INFO  api call                 app=a took=42.6µs spread=3s long=2h3m4s at=127.0.0.1 error="no such file" empty=""`,
	} {
		var b buffer
		open(t, &b, "info", format).Logger().With(slog.String("app", "a")).Info("api call",
			slog.Duration("took", 42_644*time.Nanosecond), slog.Any("spread", 3*time.Second),
			slog.Duration("long", 2*time.Hour+3*time.Minute+4*time.Second+267*time.Millisecond),
			slog.Any("at", netip.MustParseAddr("127.0.0.1")), slog.Any("error", errors.New("no such file")), slog.String("empty", ""))
		only(t, &b, want)
	}
}

func TestFormats_Groups(t *testing.T) {
	for format, want := range map[string]string{
		"text":   `level=INFO msg=m g.a=1 g.h.b=2 g.c=3s`,
		"json":   `{"level":"INFO","msg":"m","g":{"a":1,"h":{"b":2},"c":"3s"}}`,
		"pretty": `INFO  m                        g.a=1 g.h.b=2 g.c=3s`,
	} {
		var b buffer
		open(t, &b, "", format).Logger().WithGroup("g").With(slog.Int("a", 1)).Info("m",
			slog.Group("h", slog.Int("b", 2)), slog.Duration("c", 3*time.Second))
		only(t, &b, want)
	}
}

func TestDuration_ThreeDigitsWithUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                        "0s",
		7:                        "7ns",
		42_644:                   "42.6µs",
		999_499:                  "999µs",
		1_234_567:                "1.23ms",
		-1_234_567:               "-1.23ms",
		1_500_000_000:            "1.5s",
		59_949_000_000:           "59.9s",
		90*time.Second + 499_000: "1m30s",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%d) is %s, want %s", d, got, want)
		}
	}
}

func TestLevels_TraceIsBelowDebug(t *testing.T) {
	for level, want := range map[string]int{"trace": 5, "debug": 4, "info": 3, "warn": 2, "error": 1} {
		var b buffer
		log := open(t, &b, level, "text").Logger()
		for _, at := range []slog.Level{LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			log.Log(t.Context(), at, "m")
		}
		if got := lines(&b); len(got) != want {
			t.Errorf("level %s writes %q, want %d lines", level, got, want)
		}
	}
	for format, want := range map[string]string{"text": "level=TRACE msg=m", "json": `{"level":"TRACE","msg":"m"}`, "pretty": "TRACE m"} {
		var b buffer
		open(t, &b, "trace", format).Logger().Log(t.Context(), LevelTrace, "m")
		only(t, &b, want)
	}
}

func TestSet_ReachesDerivedLoggers(t *testing.T) {
	var b buffer
	l := open(t, &b, "info", "text")
	derived := l.Logger().With(slog.String("app", "a")).WithGroup("g").With(slog.Int("n", 1))
	derived.Info("one")
	derived.Debug("no")
	if err := l.Set("debug", "json"); err != nil {
		t.Fatal(err)
	}
	derived.Debug("two")
	if err := l.Set("debug", "pretty"); err != nil {
		t.Fatal(err)
	}
	derived.Debug("three")
	got := strings.Join(lines(&b), "\n")
	want := "level=INFO msg=one app=a g.n=1\n" + `{"level":"DEBUG","msg":"two","app":"a","g":{"n":1}}` +
		"\nDEBUG three                    app=a g.n=1"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSet_AMistakeChangesNothing(t *testing.T) {
	var b buffer
	l := open(t, &b, "info", "text")
	for _, bad := range [][2]string{{"loud", "json"}, {"debug", "xml"}, {"", "json"}, {"debug", ""}} {
		if err := l.Set(bad[0], bad[1]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	l.Logger().Debug("no")
	l.Logger().Info("m")
	only(t, &b, "level=INFO msg=m")
	if _, err := New(io.Discard, Options{Level: "verbose"}); err == nil || !strings.Contains(err.Error(), "trace, debug, info, warn or error") {
		t.Errorf("the error is %v", err)
	}
}

// Whatever a client or caller sends, it stays inside its line, and a terminal
// is sent no control character of it.
func TestValues_CannotForgeLines(t *testing.T) {
	hostile := []string{
		"a\nlevel=ERROR msg=forged", "a\r\nb", "\x1b[2K\x1b[1Gforged", "\x00", "\x7f", "\u0085x", "\u009b2K", "\u2028x", "\u202egnp.exe", "\xff\xfe", "\t", "\v\f",
	}
	for _, format := range []string{"text", "json", "pretty"} {
		for _, s := range hostile {
			var b buffer
			l := open(t, &b, "trace", format)
			l.color = true
			if err := l.Set("trace", format); err != nil {
				t.Fatal(err)
			}
			l.Logger().With(slog.String("w"+s, s)).Log(t.Context(), LevelTrace, "m"+s,
				slog.String("channel", s), slog.Any("error", errors.New(s)), slog.String("k"+s, "v"), slog.String("payload", s))
			got := strings.TrimSuffix(b.take(), "\n")
			text := regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(got, "") // our own colours
			// Of the other two a terminal is not the reader: DEL may be in both, C1
			// and directional characters in JSON.
			if strings.ContainsAny(text, "\n\r\x00\x1b\t\v\f\u2028") ||
				!utf8.ValidString(text) || format != "json" && strings.ContainsAny(text, "\u0085\u009b\u202e") || format == "pretty" && strings.Contains(text, "\x7f") {
				t.Errorf("%s: %q became %q", format, s, got)
			}
			if format == "json" && !json.Valid([]byte(got)) {
				t.Errorf("%q became %s, which is not JSON", s, got)
			}
		}
	}
}

func TestPretty_ShowsAPayloadAsItWasSent(t *testing.T) {
	var b buffer
	l := open(t, &b, "trace", "pretty")
	l.Logger().Log(t.Context(), LevelTrace, "client event", slog.String("app", "a"), slog.String("event", "my event"),
		slog.String("payload", `{"text":"hé \u0000 = 1"}`+"\n"))
	only(t, &b, `TRACE client event             app=a event="my event" payload={"text":"hé \u0000 = 1"}\n`)
}

func TestPretty_ColoursOnTerminalsOnly(t *testing.T) {
	var b buffer
	open(t, &b, "info", "pretty").Logger().Info("m", slog.Int("n", 1))
	only(t, &b, "INFO  m                        n=1")

	p := &pretty{out: &b, color: true}
	slog.New(p).Warn("m", slog.Int("n", 1))
	only(t, &b, "\x1b[2m"+b.text.String()[4:16]+"\x1b[0m \x1b[33mWARN \x1b[0m \x1b[1mm\x1b[0m                        \x1b[2mn=\x1b[0m1")

	terminal, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = terminal.Close() }()
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	if !wantsColor(terminal) {
		t.Error("a terminal gets no colour")
	}
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if wantsColor(file) || wantsColor(io.Discard) {
		t.Error("a file gets colour")
	}
	t.Setenv("NO_COLOR", "1")
	if wantsColor(terminal) {
		t.Error("NO_COLOR is not followed")
	}
}
