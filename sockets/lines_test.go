package sockets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"fanfare/channels"
)

func frames(payloads ...string) []*channels.Frame {
	var all []*channels.Frame
	for _, p := range payloads {
		all = append(all, channels.NewFrame([]byte(p)))
	}
	return all
}

// See docs/spec/http-fallback.md#lines.
func TestLines_Messages(t *testing.T) {
	for name, tc := range map[string]struct {
		payloads []string
		want     string
	}{
		"one":             {[]string{`{"event":"e"}`}, `a["{\"event\":\"e\"}"]`},
		"two":             {[]string{"1", "2"}, `a["1","2"]`},
		"empty":           {[]string{""}, `a[""]`},
		"backslash":       {[]string{`"\\"`}, `a["\"\\\\\""]`},
		"newlines":        {[]string{"a\r\nb\tc\x00\x7f"}, `a["a\u000d\u000ab\u0009c\u0000` + "\x7f" + `"]`},
		"line separators": {[]string{"\u2028\u2029"}, `a["\u2028\u2029"]`},
		"two bytes":       {[]string{"é"}, `a["\u00e9"]`},
		"astral":          {[]string{"😀"}, `a["\ud83d\ude00"]`},
		"bytes lost":      {[]string{"a\xff\xc3b"}, `a["a\ufffd\ufffdb"]`},
		"a lone half":     {[]string{"\xed\xa0\x80"}, `a["\ufffd\ufffd\ufffd"]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, n := appendFrames(nil, frames(tc.payloads...), 1000)
			if string(got) != tc.want+"\n" || n != len(tc.payloads) {
				t.Errorf("\ngot  %q, %d of %d\nwant %q", got, n, len(tc.payloads), tc.want+"\n")
			}
		})
	}
}

func TestLines_CloseStandsAlone(t *testing.T) {
	all := append(frames("1", "2"), channels.ControlFrame(appendClose(nil, 4200, "Go, \"now\" – é")))
	got, n := appendFrames([]byte("o\n"), append(all, frames("3")...), 1000)
	want := "o\na[\"1\",\"2\"]\nc[4200,\"Go, \\\"now\\\" \\u2013 \\u00e9\"]\na[\"3\"]\n"
	if string(got) != want || n != 4 {
		t.Errorf("\ngot  %q, %d\nwant %q", got, n, want)
	}
}

// Whole lines only: the first message that takes the text above the bound is
// the last.
func TestLines_StopAfterTheMessageThatFills(t *testing.T) {
	payloads := []string{"aaaa", "bbbb", "cccc", "dddd"}
	for most := -1; most < 40; most++ {
		var said []string
		for rest := frames(payloads...); len(rest) > 0; {
			got, n := appendFrames(nil, rest, max(most, 0))
			if n == 0 {
				t.Fatalf("most %d: nothing was said", most)
			}
			if before := len(got) - len(`,"aaaa"]`+"\n"); n > 1 && before > max(most, 0) {
				t.Errorf("most %d: %q goes on after it was full", most, got)
			}
			said = append(said, decodeLines(t, got).messages...)
			rest = rest[n:]
		}
		if diff := cmp.Diff(payloads, said); diff != "" {
			t.Errorf("most %d (-want +got):\n%s", most, diff)
		}
	}
	if got, n := appendFrames(nil, frames("1"), -1); n != 0 || len(got) != 0 {
		t.Errorf("%q was said in a response that is full", got)
	}
}

func TestLines_Open(t *testing.T) {
	for name, want := range map[string]string{
		"":                   "o\n",
		"node1.example":      "o{\"hostname\":\"node1.example\"}\n",
		"node1.example:6001": "",
		"http://node1":       "",
		"[::1]":              "",
		"a b":                "",
		"nöde":               "",
		`a"b`:                "",
	} {
		got, err := openLine(name)
		if string(got) != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v, want %q", name, got, err, want)
		}
	}
}

// lines is what pusher-js makes of a text.
type lines struct {
	messages []string
	closed   bool
	code     int
	reason   string
	opened   int
}

// decodeLines holds a text to the rules of every line and decodes it.
func decodeLines(t testing.TB, text []byte) lines {
	t.Helper()
	var l lines
	if len(text) > 0 && text[len(text)-1] != '\n' {
		t.Fatalf("the last line is not ended: %q", text)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			t.Fatalf("there is an empty line in %q", text)
		}
		for i := range len(line) {
			if line[i] < ' ' || line[i] >= utf8.RuneSelf {
				t.Fatalf("byte %#x in %q", line[i], line)
			}
		}
		switch line[0] {
		case 'o':
			l.opened++
		case 'h':
			if strings.Trim(line, "h") != "" {
				t.Fatalf("heartbeat %q", line)
			}
		case 'a':
			var messages []string
			if err := json.Unmarshal([]byte(line[1:]), &messages); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			l.messages = append(l.messages, messages...)
		case 'c':
			l.closed = true
			if err := json.Unmarshal([]byte(line[1:]), &[]any{&l.code, &l.reason}); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		default:
			t.Fatalf("line %q", line)
		}
	}
	return l
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"event":"e","data":"x"}`), []byte("é\u2028😀\n"), 4100, 10)
	f.Add([]byte("\"\\\x00\x1f\x7f\x80\xff"), []byte(""), 4200, 0)
	f.Add(bytes.Repeat([]byte("€"), 300), []byte("\xed\xa0\x80"), 0, -1)
	f.Fuzz(func(t *testing.T, first, second []byte, code, most int) {
		all := []*channels.Frame{
			channels.NewFrame(first),
			channels.NewFrame(second),
			channels.ControlFrame(appendClose(nil, code, string(second))),
			channels.NewFrame(first),
		}
		var text []byte
		for rest := all; len(rest) > 0; {
			said, n := appendFrames(nil, rest, max(most, 0))
			if n == 0 {
				t.Fatalf("nothing of %d frames was said", len(rest))
			}
			text, rest = append(text, said...), rest[n:]
		}
		valid := func(b []byte) string { return strings.ToValidUTF8(eachInvalid(b), "\ufffd") }
		got := decodeLines(t, text)
		want := lines{
			messages: []string{valid(first), valid(second), valid(first)},
			closed:   true, code: code, reason: valid(second),
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(lines{})); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// eachInvalid replaces each invalid byte, which ToValidUTF8 does for runs.
func eachInvalid(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		s.WriteRune(r)
		b = b[size:]
	}
	return s.String()
}

func BenchmarkLines(b *testing.B) {
	for _, size := range []int{200, 10_000} {
		for name, text := range map[string]string{"ascii": "x", "multibyte": "é"} {
			b.Run(fmt.Sprintf("bytes=%d/%s", size, name), func(b *testing.B) {
				all := frames(strings.Repeat(text, size/len(text)))
				var dst []byte
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					dst, _ = appendFrames(dst[:0], all, streamUnits)
				}
			})
		}
	}
}
