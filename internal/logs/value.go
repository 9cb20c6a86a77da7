package logs

import (
	"log/slog"
	"time"
)

// replace makes text and JSON show durations with their unit, and the level trace
// by its name.
func replace(groups []string, a slog.Attr) slog.Attr {
	switch {
	case a.Value.Kind() == slog.KindDuration:
		a.Value = slog.StringValue(duration(a.Value.Duration()))
	case len(groups) == 0 && a.Key == slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok && level < slog.LevelDebug {
			a.Value = slog.StringValue("TRACE")
		}
	}
	return a
}

// duration returns d with its unit, rounded to three digits, or to seconds from a
// minute on.
func duration(d time.Duration) string {
	size := d.Abs()
	switch {
	case size >= time.Minute:
		d = d.Round(time.Second)
	default:
		unit := time.Duration(1)
		for size >= 1000*unit {
			unit *= 10
		}
		d = d.Round(unit)
	}
	return d.String()
}
