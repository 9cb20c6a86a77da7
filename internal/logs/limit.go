package logs

import (
	"container/list"
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// limitWindow is the time in which the same warning is written only once.
	limitWindow = time.Minute
	// limitKeys is the number of windows that distinguish warnings by message,
	// reason and app. As many more distinguish them by message and reason only.
	// All further warnings share one window.
	limitKeys = 1024
)

// key identifies a warning: those with an equal key are the same.
type key struct{ message, reason, app string }

// limiter counts the warnings of each key that are not written.
type limiter struct {
	wake chan struct{}

	mu      sync.Mutex
	windows map[key]*window
	order   list.List // of *window, in the order in which they end
}

// window is the minute after a line was written.
type window struct {
	key     key
	ends    time.Time
	place   *list.Element
	surplus int
	last    slog.Record // the latest that was not written
	by      *handler    // of last
}

// report is a line about the warnings that were not written in a minute: the
// latest of them, with their number.
type report struct {
	by     *handler
	record slog.Record
}

func newLimiter() *limiter {
	return &limiter{wake: make(chan struct{}, 1), windows: make(map[key]*window)}
}

// admit reports whether a warning may be written now. If not, it counts it.
func (l *limiter) admit(k key, h *handler, r slog.Record) bool {
	now := time.Now()
	l.mu.Lock()
	due := l.due(now)
	w := l.windows[k]
	if w == nil && len(l.windows) >= limitKeys {
		k.app = ""
		if w = l.windows[k]; w == nil && len(l.windows) >= 2*limitKeys {
			k = key{}
			w = l.windows[k]
		}
	}
	first := w == nil
	if first {
		l.open(&window{key: k}, now)
	} else {
		w.surplus++
		w.last, w.by = r.Clone(), h
	}
	l.mu.Unlock()
	writeReports(due)
	return first
}

// open begins the minute of a window. The caller holds l.mu.
func (l *limiter) open(w *window, now time.Time) {
	w.ends = now.Add(limitWindow)
	w.place = l.order.PushBack(w)
	l.windows[w.key] = w
	if l.order.Len() == 1 {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// due ends the windows whose minute is over at t. For each that has counted
// warnings, it returns a report, and begins another minute, because the report is
// a line of that warning. The caller holds l.mu.
func (l *limiter) due(t time.Time) (reports []report) {
	for e := l.order.Front(); e != nil; e = l.order.Front() {
		w := e.Value.(*window)
		if w.ends.After(t) {
			break
		}
		l.order.Remove(e)
		delete(l.windows, w.key)
		if w.surplus > 0 {
			reports = append(reports, w.report(t))
			l.open(&window{key: w.key}, t)
		}
	}
	return reports
}

func (w *window) report(now time.Time) report {
	r := w.last
	r.Time = now
	r.AddAttrs(slog.Int("suppressed", w.surplus))
	return report{w.by, r}
}

func writeReports(reports []report) {
	for _, r := range reports {
		_ = r.by.write(context.Background(), r.record) // there is nowhere to report an error
	}
}

// run writes reports when they are due, and the rest when ctx is done.
func (l *limiter) run(ctx context.Context) {
	timer := time.NewTimer(limitWindow)
	defer timer.Stop()
	for {
		now := time.Now()
		l.mu.Lock()
		due := l.due(now)
		next := limitWindow
		if e := l.order.Front(); e != nil {
			next = e.Value.(*window).ends.Sub(now)
		}
		l.mu.Unlock()
		writeReports(due)
		timer.Reset(next)
		select {
		case <-timer.C:
		case <-l.wake:
		case <-ctx.Done():
			writeReports(l.rest())
			return
		}
	}
}

// rest ends all windows and returns their reports.
func (l *limiter) rest() (reports []report) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := l.order.Front(); e != nil; e = e.Next() {
		if w := e.Value.(*window); w.surplus > 0 {
			reports = append(reports, w.report(now))
		}
	}
	l.order.Init()
	clear(l.windows)
	return reports
}
