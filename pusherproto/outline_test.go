package pusherproto

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestOutline_LongStringsAreNull(t *testing.T) {
	long := strings.Repeat("é", outlineString)
	for text, want := range map[string]string{
		``:                      ``,
		`{"a":"b","c":[1,"x"]}`: `{"a":"b","c":[1,"x"]}`,
		`{"a":"` + long + `","b":"` + strings.Repeat(`\"`, outlineString) + `","c":"d"}`: `{"a":null,"b":null,"c":"d"}`,
		`["` + strings.Repeat("x", outlineString-1) + `"]`:                               `["` + strings.Repeat("x", outlineString-1) + `"]`,
		`"` + long:                           `null`,
		strings.Repeat(`"x" `, outlineBytes): ``,
	} {
		for _, step := range []int{1, 7, len(text) + 1} {
			var o Outline
			for rest := text; rest != ""; rest = rest[min(step, len(rest)):] {
				o.Add([]byte(rest[:min(step, len(rest))]))
			}
			if got := string(o.Message()); got != want {
				t.Errorf("%.40q in steps of %d: got %.60q, want %.60q", text, step, got, want)
			}
		}
	}
}

func FuzzOutline(f *testing.F) {
	for _, text := range []string{``, `{"event":"pusher:subscribe","data":{"channel_data":"` + strings.Repeat(`\\\"`, 900) + `","channel":"x"}}`, `"\`, `["\u0022"]`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var o Outline
		o.Add([]byte(text))
		got := o.Message()
		var bytewise Outline
		for i := range len(text) {
			bytewise.Add([]byte(text[i : i+1]))
		}
		if in := bytewise.Message(); string(in) != string(got) || (in == nil) != (got == nil) {
			t.Errorf("byte by byte %q, at once %q", in, got)
		}
		if len(o.text) > outlineBytes+outlineString || len(got) > outlineBytes {
			t.Errorf("an outline of %d bytes", len(o.text))
		}
		if len(text) <= outlineString && string(got) != text {
			t.Errorf("got %q, want the whole of %q", got, text)
		}
		if len(got) <= len(text) && got != nil && json.Valid([]byte(text)) && !json.Valid(got) {
			if !strings.Contains(string(got), "null:") { // a name that was cut
				t.Errorf("%q became %q", text, got)
			}
		}
	})
}

// What a client sends that is too large takes the loop's time: most of it is long strings.
func BenchmarkOutline(b *testing.B) {
	for name, text := range map[string]string{
		"long": `{"data":"` + strings.Repeat("x", 1<<20),
		"many": strings.Repeat(`"`+strings.Repeat("x", outlineString)+`",`, 500),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			message := []byte(text)
			for b.Loop() {
				var o Outline
				o.Add(message)
			}
		})
	}
}
