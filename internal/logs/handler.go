package logs

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
)

// form writes records in one format.
type form struct {
	base  slog.Handler
	quick quick // for plain records, where there is one
}

func newForm(format string, out *writer, color bool) (*form, error) {
	options := &slog.HandlerOptions{Level: LevelTrace, ReplaceAttr: replace}
	switch format {
	case "text":
		return &form{slog.NewTextHandler(escaping{out}, options), quickText}, nil
	case "json":
		return &form{slog.NewJSONHandler(escaping{out}, options), quickJSON}, nil
	case "pretty":
		return &form{base: &pretty{out: out, color: color}}, nil
	}
	return nil, fmt.Errorf("log format %q is unknown; use text, json or pretty", format)
}

// handler passes records to the handler of the current format. It keeps what
// WithAttrs and WithGroup added, and applies it again when the format changes.
type handler struct {
	logs    *Logs
	added   []addition
	applied atomic.Pointer[applied]
}

// addition is a call of WithGroup or, if group is "", of WithAttrs.
type addition struct {
	group string
	attrs []slog.Attr
}

// applied is a format's handler with the additions.
type applied struct {
	form    *form
	handler slog.Handler
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.logs.least.Level()
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if all := h.logs.followers.Load(); all != nil {
		for _, f := range *all {
			f.take(ctx, h, r)
		}
	}
	if r.Level < h.logs.level.Level() { // a follower needed it
		return nil
	}
	if r.Level < slog.LevelWarn || r.Level >= slog.LevelError {
		return h.write(ctx, r)
	}
	reason, ok := h.find(r, "reason")
	if !ok {
		return h.write(ctx, r)
	}
	app, _ := h.find(r, "app")
	if h.logs.limits.admit(key{r.Message, reason, app}, h, r) {
		return h.write(ctx, r)
	}
	if h.logs.level.Level() > slog.LevelDebug {
		return nil
	}
	r.Level = slog.LevelDebug
	return h.write(ctx, r)
}

func (h *handler) write(ctx context.Context, r slog.Record) error {
	now := h.logs.form.Load()
	if len(h.added) == 0 && now.quick != nil && r.Level < slog.LevelWarn {
		if done, err := now.quick.writeQuickly(h.logs.out, r); done {
			return err
		}
	}
	a := h.applied.Load()
	if a == nil || a.form != now {
		a = &applied{form: now, handler: h.addTo(now.base)}
		h.applied.Store(a)
	}
	err := a.handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.logs.out.flush() // the process may end after it
	}
	return err
}

// addTo is a format's handler with the additions.
func (h *handler) addTo(base slog.Handler) slog.Handler {
	for _, add := range h.added {
		if add.group != "" {
			base = base.WithGroup(add.group)
		} else {
			base = base.WithAttrs(add.attrs)
		}
	}
	return base
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(addition{attrs: attrs})
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(addition{group: name})
}

func (h *handler) with(a addition) *handler {
	return &handler{logs: h.logs, added: append(slices.Clip(h.added), a)}
}

// find returns the value of an attribute of the record or the logger.
func (h *handler) find(r slog.Record, name string) (value string, found bool) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == name {
			value, found = a.Value.Resolve().String(), true
		}
		return !found
	})
	for i := len(h.added) - 1; i >= 0 && !found; i-- {
		for _, a := range h.added[i].attrs {
			if a.Key == name {
				return a.Value.Resolve().String(), true
			}
		}
	}
	return value, found
}
