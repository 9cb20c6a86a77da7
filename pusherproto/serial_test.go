package pusherproto

import (
	"math"
	"testing"
)

func TestParseSerial(t *testing.T) {
	for _, s := range []Serial{{1, 0}, {35, 36}, {math.MaxUint64, math.MaxUint64}} {
		text := s.String()
		if got, ok := ParseSerial(text); got != s || !ok || len(text) > MaxSerial {
			t.Errorf("%v is written %q and read %v, %v", s, text, got, ok)
		}
	}
	for _, text := range []string{"", "-", "1", "1-", "-1", "0-1", "01-1", "1-01", "A-1", "1-1-1", "1--1", "+1-1", "1-+1", "1_0-1", "1-1 ", "3w5e11264sgsg-1", "zzzzzzzzzzzzzz-1"} {
		if s, ok := ParseSerial(text); ok {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}

func FuzzParseSerial(f *testing.F) {
	f.Add("1-0")
	f.Add("3w5e11264sgsf-3w5e11264sgsf")
	f.Add("0-1")
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := ParseSerial(text); ok && s.String() != text {
			t.Errorf("%q is read as %v, which is written %q", text, s, s)
		}
	})
}
