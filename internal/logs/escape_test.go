package logs

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"unicode"
)

func TestEscape_WhatATerminalObeys_IsInNoFormat(t *testing.T) {
	values := []string{"\x7f", "\u009b31m", "a\u0085b", "\u202egnp.exe", "\u2066x\u2069", "\x1b[2J", "\r", "ü\x7f€", "\u200f"}
	for _, format := range []string{"text", "json", "pretty"} {
		for _, value := range values {
			var b buffer
			open(t, &b, "info", format).Logger().Info("m", slog.String("v", value), slog.Any("list", []string{value}))
			line := strings.TrimSuffix(b.take(), "\n")
			if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
				t.Errorf("%s writes %q as %q", format, value, line)
			}
			if format != "json" {
				continue
			}
			var got struct {
				V    string
				List []string
			}
			if err := json.Unmarshal([]byte(line), &got); err != nil || got.V != value || got.List[0] != value {
				t.Errorf("%q is read as %+v, %v, from %s", value, got, err, line)
			}
		}
	}
}
