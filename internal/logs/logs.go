package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
)

// LevelTrace is below debug. Only lines of this level contain payloads of events.
const LevelTrace = slog.LevelDebug - 4

// Options configure a log.
type Options struct {
	Level  string // trace, debug, info, warn or error; "" is info
	Format string // text, json or pretty; "" is text
}

// Logs is a log whose level and format can be changed. Make one with New.
type Logs struct {
	level  slog.LevelVar
	form   atomic.Pointer[form]
	out    *writer
	color  bool
	limits *limiter
	logger *slog.Logger

	least     slog.LevelVar // the lowest of level and the levels of the followers
	followers atomic.Pointer[[]*Follower]
	changing  sync.Mutex // protects changes of level, least and followers
}

// New returns a log that writes to w.
func New(w io.Writer, o Options) (*Logs, error) {
	l := &Logs{out: newWriter(w), color: wantsColor(w), limits: newLimiter()}
	l.logger = slog.New(&handler{logs: l})
	l.out.onLost = func(lines int) {
		l.logger.Warn("lines of the log were lost: its reader is too slow", slog.Int("lines", lines))
	}
	if o.Level == "" {
		o.Level = "info"
	}
	if o.Format == "" {
		o.Format = "text"
	}
	if err := l.Set(o.Level, o.Format); err != nil {
		return nil, err
	}
	return l, nil
}

// Logger returns the logger. Set applies to it and to all loggers derived from it.
func (l *Logs) Logger() *slog.Logger { return l.logger }

// Set changes level and format. If it returns an error, nothing has changed.
func (l *Logs) Set(level, format string) error {
	parsed, err := parseLevel(level)
	if err != nil {
		return err
	}
	f, err := newForm(format, l.out, l.color)
	if err != nil {
		return err
	}
	l.form.Store(f)
	l.changing.Lock()
	defer l.changing.Unlock()
	l.level.Set(parsed)
	l.setLeast()
	return nil
}

// setLeast sets least, below which no record is made. The caller holds changing.
func (l *Logs) setLeast() {
	least := l.level.Level()
	if all := l.followers.Load(); all != nil {
		for _, f := range *all {
			least = min(least, f.level)
		}
	}
	l.least.Set(least)
}

// Run writes the reports about repeated warnings when their minute is over, and
// the rest when ctx is done. While it runs, logging never waits for the reader of
// the log. Lines below the level warn that follow each other quickly are written
// together, at most a hundredth of a second later.
func (l *Logs) Run(ctx context.Context) error {
	defer l.out.begin()()
	l.limits.run(ctx)
	return nil
}

func parseLevel(name string) (slog.Level, error) {
	switch name {
	case "trace":
		return LevelTrace, nil
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log level %q is unknown; use trace, debug, info, warn or error", name)
}
