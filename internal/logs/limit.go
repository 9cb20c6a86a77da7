package logs

import (
	"container/list"
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// limitWindow is the time in which a warning is written once.
	limitWindow = time.Minute
	// limitKeys is for how many warnings the apps are told apart. Beyond it, as
	// many more are told apart by message and reason, and the rest not at all.
	limitKeys = 1024
)

// key is what makes two warnings the same.
type key struct{ message, reason, app string }

// limiter counts the warnings of each key that are not written.
type limiter struct {
	wake chan struct{}

	mu      sync.Mutex
	windows map[key]*window
	order   list.List // of *window, the one that ends first in front
}

// window is the minute after a line.
type window struct {
	key     key
	ends    time.Time
	place   *list.Element
	surplus int
	last    slog.Record // the latest that was not written
	by      *handler    // of last
}

// report is a line about the warnings that were not written in a minute: the
// latest of them, with how many there were.
type report struct {
	by     *handler
	record slog.Record
}

func newLimiter() *limiter {
	return &limiter{wake: make(chan struct{}, 1), windows: make(map[key]*window)}
}

// admit reports whether a warning may be written, and counts it if not.
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

// open begins a minute. The caller holds the lock.
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

// due ends the minutes that are over at t. One that left warnings unwritten is
// followed by another, which begins with the line that is returned for it. The
// caller holds the lock.
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
		_ = r.by.write(context.Background(), r.record) // an error could be reported to nobody
	}
}

// run writes reports when they are due, and what is left when ctx is done.
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

// rest ends all minutes.
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
