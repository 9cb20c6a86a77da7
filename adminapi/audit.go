package adminapi

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// audit logs a write, also one that was refused. Refusals that no rate limits,
// because the caller is unknown or exceeded its rate, are logged at most
// mostRefusals times a second, so that strangers cannot fill the log.
func (s *Server) audit(q *http.Request, who Token, err error) {
	result := "done"
	if err != nil {
		result = asError(err).Code
	}
	name, leftOut := who.Name, 0
	if name == "" || result == "too_many_requests" {
		var ok bool
		if leftOut, ok = s.refusals.take(s.cfg.Now()); !ok {
			return
		}
	}
	if name == "" {
		name = "unknown"
	}
	attrs := []slog.Attr{
		slog.String("by", name), slog.String("method", q.Method), slog.String("path", bounded(q.URL.EscapedPath())), slog.String("address", remote(q)),
		slog.String("result", result),
	}
	if leftOut > 0 {
		attrs = append(attrs, slog.Int("left_out", leftOut))
	}
	s.cfg.Logger.LogAttrs(q.Context(), slog.LevelInfo, "admin action", attrs...)
}

// bounded shortens a text for the log.
func bounded(text string) string {
	const most = 512
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// mostRefusals is the maximum of refused writes that are logged in a second.
const mostRefusals = 10

// refusals limits these lines. The zero value is ready to use.
type refusals struct {
	mu     sync.Mutex
	second time.Time
	lines  int // in that second
	left   int // out and not yet reported
}

// take reports whether one more refusal may be logged, and how many were left
// out before it.
func (r *refusals) take(now time.Time) (leftOut int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.second) >= time.Second {
		r.second, r.lines = now, 0
	}
	if r.lines >= mostRefusals {
		r.left++
		return 0, false
	}
	r.lines++
	leftOut, r.left = r.left, 0
	return leftOut, true
}
