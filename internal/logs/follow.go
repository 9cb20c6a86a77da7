package logs

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"
)

// Following configures which lines a Follower receives, and their format.
type Following struct {
	Level  string // lowest level: trace, debug, info, warn or error
	Format string // text, json or pretty
	Color  bool   // use colours in the format pretty
	// Only limits the lines by their attributes: for each key, a line must have
	// one of the values.
	Only map[string][]string
}

// Follower receives the lines of a log too, at a level and in a format of its
// own. It receives repeated warnings that the log leaves out. A Follower that is
// too slow loses lines, and a line says how many.
type Follower struct {
	logs   *Logs
	level  slog.Level
	base   slog.Handler
	only   map[string][]string
	out    *writer
	failed chan error
}

// Follower returns a follower. It receives lines while its Run runs.
func (l *Logs) Follower(o Following) (*Follower, error) {
	f := &Follower{logs: l, only: o.Only, failed: make(chan error, 1)}
	var err error
	if f.level, err = parseLevel(o.Level); err != nil {
		return nil, err
	}
	f.out = newWriter(nil) // Run sets it
	form, err := newForm(o.Format, f.out, o.Color)
	if err != nil {
		return nil, err
	}
	f.base = form.base
	f.out.onLost = func(lines int) {
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log were lost: this reader of it is too slow", 0)
		r.AddAttrs(slog.Int("lines", lines))
		_ = f.base.Handle(context.Background(), r) // it only fills the buffer
	}
	return f, nil
}

// Run writes lines to w until ctx is done or a write fails, and returns the error
// of the write. It writes the greeting first; no line logged after it is missed.
// Run may be called once.
func (f *Follower) Run(ctx context.Context, w io.Writer, greeting string) error {
	f.out.w = following{w, f.failed}
	f.out.pending = []byte(greeting) // before all lines; written at the wake below
	defer f.out.begin()()
	f.logs.follow(func(all []*Follower) []*Follower { return append(all, f) })
	defer f.logs.follow(func(all []*Follower) []*Follower {
		return slices.DeleteFunc(all, func(other *Follower) bool { return other == f })
	})
	signal(f.out.wake)
	select {
	case <-ctx.Done():
		return nil
	case err := <-f.failed:
		return err
	}
}

// follow changes the list of followers. It replaces the list, because the list is
// read without a lock.
func (l *Logs) follow(change func([]*Follower) []*Follower) {
	l.changing.Lock()
	defer l.changing.Unlock()
	var all []*Follower
	if now := l.followers.Load(); now != nil {
		all = slices.Clone(*now)
	}
	if all = change(all); len(all) > 0 {
		l.followers.Store(&all)
	} else {
		l.followers.Store(nil)
	}
	l.setLeast()
}

// take writes a record, if its level and attributes match.
func (f *Follower) take(ctx context.Context, h *handler, r slog.Record) {
	if r.Level < f.level {
		return
	}
	for key, values := range f.only {
		if value, found := h.find(r, key); !found || !slices.Contains(values, value) {
			return
		}
	}
	_ = h.addTo(f.base).Handle(ctx, r) // it only fills the buffer
}

// following reports the first write that failed to failed.
type following struct {
	io.Writer
	failed chan<- error
}

// Write implements io.Writer.
func (w following) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	if err != nil {
		select {
		case w.failed <- err:
		default: // reported already
		}
	}
	return n, err
}
