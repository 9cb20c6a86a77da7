package jsontext

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// Every byte at every distance from the start and from the end of an eight-byte step.
func TestPlainRun_StopsAtEveryByteThatNeedsALook(t *testing.T) {
	for length := 0; length <= 20; length++ {
		for at := 0; at < length; at++ {
			for c := 0; c < 256; c++ {
				b := bytes.Repeat([]byte("~"), length)
				b[at] = byte(c)
				want := length
				if c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
					want = at
				}
				if got := plainRun(b, 0); got != want {
					t.Fatalf("plainRun(%q) = %d, want %d", b, got, want)
				}
				if got := plainRun(string(b), 0); got != want {
					t.Fatalf("plainRun(string %q) = %d, want %d", b, got, want)
				}
			}
		}
	}
}

func TestScanValue_BoundsNesting(t *testing.T) {
	for _, unit := range []string{"[]", `{"a":}`, `[{"a":}]`} {
		opening, closing, _ := strings.Cut(unit, "}")
		if unit == "[]" {
			opening, closing = "[", "]"
		} else {
			closing = "}" + closing
		}
		levels := strings.Count(opening, "[") + strings.Count(opening, "{")
		for _, depth := range []int{1, 63, 64, 65, 128, 511, 512, 513, 100000} {
			n := depth / levels
			inner := "1"
			text := []byte(strings.Repeat(opening, n) + inner + strings.Repeat(closing, n))
			end, f := scanValue(text, 0)
			if fits := n*levels <= maxDepth; fits && (f != 0 || end != len(text)) {
				t.Errorf("%s %d deep: %s", unit, n*levels, f.at(end))
			} else if !fits && f != faultDepth {
				t.Errorf("%s %d deep: fault %d, want the depth refused", unit, n*levels, f)
			}
		}
	}
}

func FuzzScanValue(f *testing.F) {
	for _, s := range []string{
		`{}`, `[]`, `[1,-0.5e+10,{"a":[true,false,null]}]`, `"\ud800\u00e9é\n"`, `01`, `1.`, `-`, `1e`, `"\x"`, "\"\x00\"", "\"\xff\"",
		`[[[[[[`, `{"a":{"a":{"a":`, `{"a"}`, `{,}`, `[1 2]`, `nul`, ` 1 `, "\u00a01", `{"a":1,}`, `[}`, `{]`, `"\b\f\n\r\t\/\"\\\ud83d\ude00\ud83d0ude00\ud83d\ud83d"`, `{"a" `, `{"a":1,`, `{1:2}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end, fault := scanValue(b, 0)
		if end < 0 || end > len(b) {
			t.Fatalf("scanValue(%q) ends at %d", b, end)
		}
		if fault == faultDepth {
			return
		}
		accepted := fault == 0 && skipSpace(b, end) == len(b)
		if want := json.Valid(b) && utf8.Valid(b); accepted != want {
			t.Fatalf("scanValue(%q) accepts: %v (%s), encoding/json: %v", b, accepted, fault.at(end), want)
		}
		if !accepted {
			return
		}
		var want bytes.Buffer
		if err := json.Compact(&want, b); err != nil {
			t.Fatal(err)
		}
		start := skipSpace(b, 0)
		if got := Compact(b[start:end]); string(got) != want.String() {
			t.Fatalf("Compact(%q) = %q, want %q", b, got, want.String())
		}
		if b[start] == '"' {
			var s string
			if err := json.Unmarshal(b, &s); err != nil || string(Unquote(b[start:end])) != s {
				t.Fatalf("Unquote(%q) = %q, encoding/json: %q, %v", b, Unquote(b[start:end]), s, err)
			}
		}
	})
}

// What the scanner never lets through must not make the decoders of its results panic either.
func FuzzSize(f *testing.F) {
	for _, s := range []string{`"`, `"\"`, `"\u12"`, `"\ud800\u"`, `""`, `"\ud83d\ude00"`, `"abc\`, `{}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := Size(raw)
		var s string
		if n < 0 || n > 3*len(raw) {
			t.Fatalf("Size(%q) = %d", raw, n)
		}
		if len(raw) > 0 && raw[0] == '"' && utf8.Valid(raw) && json.Unmarshal(raw, &s) == nil && raw[len(raw)-1] == '"' && n != len(s) {
			t.Fatalf("Size(%q) = %d, want %d", raw, n, len(s))
		}
	})
}
