package logs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"
)

// What is written quickly is what slog would write, byte for byte.
func FuzzQuick_WritesWhatSlogWrites(f *testing.F) {
	for _, s := range []string{"", "api call", "a", "/apps/app-id/…/xhr", `a"b`, `a\b`, "a=b", "a\nb", "\x1b[31m", "\xff", "ü", "<&>", "\u2028", "\x7f", "null", "!"} {
		f.Add(s, "key", int64(200), int64(23456789), int64(1795436198866123456), -4)
	}
	f.Add("m", "", int64(0), int64(0), int64(0), 0)
	f.Add("m", "a key", int64(-1), int64(-1), int64(1_000_000_000), 3)
	f.Add("m", "k", int64(1), int64(1), int64(1795436198866000000), -8)
	f.Fuzz(func(t *testing.T, text, name string, n, took, at int64, level int) {
		for zone, location := range map[string]*time.Location{"UTC": time.UTC, "east": time.FixedZone("east", 5*3600+45*60)} {
			r := slog.NewRecord(time.Unix(0, at).In(location), slog.Level(level), text, 0)
			r.AddAttrs(slog.String(name, text), slog.Int64("n", n), slog.Uint64("u", uint64(n)), slog.Bool("b", n > 0), slog.Duration("took", time.Duration(took)))
			for format, q := range map[string]quick{"text": quickText, "json": quickJSON} {
				got, ok := q(nil, r)
				if !ok {
					continue
				}
				if want := slowly(t, format, r); !bytes.Equal(got, want) {
					t.Errorf("%s, %s\ngot  %q\nwant %q", format, zone, got, want)
				}
			}
		}
	})
}

// slowly is the line that slog's handler writes.
func slowly(t *testing.T, format string, r slog.Record) []byte {
	t.Helper()
	var out bytes.Buffer
	var h slog.Handler = slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.Level(-1 << 30), ReplaceAttr: replace})
	if format == "json" {
		h = slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.Level(-1 << 30), ReplaceAttr: replace})
	}
	if err := h.Handle(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestQuick_TakesPlainRecordsOnly(t *testing.T) {
	record := func(attrs ...slog.Attr) slog.Record {
		r := slog.NewRecord(time.Unix(1_795_436_198, 866_000_000), slog.LevelInfo, "api call", 0)
		r.AddAttrs(attrs...)
		return r
	}
	for name, tc := range map[string]struct {
		r    slog.Record
		want bool
	}{
		"plain":   {record(slog.String("path", "/apps/app-id/events"), slog.Int("status", 200), slog.Duration("took", time.Millisecond)), true},
		"none":    {record(), true},
		"error":   {record(slog.Any("error", errors.New("no"))), false},
		"address": {record(slog.Any("address", netip.MustParseAddr("::1"))), false},
		"group":   {record(slog.Group("g", slog.Int("a", 1))), false},
		"no key":  {record(slog.String("", "x")), false},
		"time":    {record(slog.Time("at", time.Unix(0, 0))), false},
		"float":   {record(slog.Float64("f", 1.5)), false},
	} {
		for format, q := range map[string]quick{"text": quickText, "json": quickJSON} {
			if _, ok := q(nil, tc.r); ok != tc.want {
				t.Errorf("%s as %s: %v, want %v", name, format, ok, tc.want)
			}
		}
	}
}
