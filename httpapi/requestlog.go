package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Messages of log lines (docs/logging.md).
const (
	callLine    = "api call" // of a back end
	requestLine = "request"  // any other
)

// answered holds the fields of a request's log line.
type answered struct {
	id     string // "" if the answer does not contain it
	app    string // id; "" if the path names no existing app
	method string
	path   string // without secrets
	status int
	bytes  int64
	from   netip.Addr
	took   time.Duration
	reason string // text of an error
}

// logLevel is the level at which requests are logged.
func (s *Server) logLevel() slog.Level {
	if s.live.Load().AccessLog {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func (s *Server) logs(level slog.Level) bool { return s.log.Enabled(context.Background(), level) }

// logRequest writes the log line of a request. It never contains the query,
// which holds signatures.
func (s *Server) logRequest(line string, a *answered) {
	// The record is made here without the source position that Logger looks up:
	// an access log has tens of thousands of lines a second.
	r := slog.NewRecord(time.Now(), s.logLevel(), line, 0)
	attrs := make([]slog.Attr, 0, 9)
	add := func(attr slog.Attr) { attrs = append(attrs, attr) }
	if a.id != "" {
		add(slog.String("request", a.id))
	}
	if a.app != "" {
		add(slog.String("app", a.app))
	}
	add(slog.String("method", a.method))
	add(slog.String("path", a.path))
	add(slog.Int("status", a.status))
	add(slog.Int64("bytes", a.bytes))
	if a.from.IsValid() {
		add(slog.String("address", a.from.String()))
	}
	add(slog.Duration("took", a.took))
	if a.reason != "" {
		add(slog.String("reason", a.reason))
	}
	r.AddAttrs(attrs...)
	_ = s.log.Handler().Handle(context.Background(), r) // there is nowhere to report the error
}

// logExchange writes the log line of a request that net/http served.
func (s *Server) logExchange(x *exchange, appID string, took time.Duration) {
	a := answered{
		id: x.Header().Get(headerRequestID), app: appID, method: x.r.Method, path: s.shownPath(x.route, receivedPath(x.r)),
		status: x.status, bytes: x.bytes, from: s.clientAddr(x.r), took: took, reason: withoutQuery(x.reason),
	}
	if x.status == http.StatusSwitchingProtocols {
		a.id = ""
	}
	s.logRequest(x.line, &a)
}

// withoutQuery removes from an error the text that should have been signed,
// which contains the query.
func withoutQuery(reason string) string {
	short, _, _ := strings.Cut(reason, ": you should have sent")
	return short
}

// warnOfCall logs that a call was refused because of something that an operator
// can change: a limit or the size of the server.
func (s *Server) warnOfCall(x *exchange, status int) {
	if x.app == nil {
		return
	}
	attrs := []slog.Attr{
		slog.String("app", x.app.ID), slog.Int("status", status),
		slog.String("reason", x.reason), slog.String("path", s.shownPath(x.route, receivedPath(x.r))),
	}
	if from := s.clientAddr(x.r); from.IsValid() {
		attrs = append(attrs, slog.String("address", from.String()))
	}
	s.log.LogAttrs(x.r.Context(), slog.LevelWarn, "api call refused", attrs...)
}

// hidden replaces what is left out of a path.
const hidden = "…"

// shownPath returns a path as it may be logged. The id of an HTTP session, its
// only secret, is left out: of everything after an app's key only the action of
// a session's route is shown, however the path is escaped and even if no route
// matches. What looks like a query, which may hold a signature, is left out
// too.
func (s *Server) shownPath(route, path string) string {
	plain, ok := unescaped(path)
	if !ok {
		return hidden
	}
	if i := strings.IndexByte(plain, '?'); i >= 0 {
		path, plain = plain[:i]+hidden, plain[:i]
	}
	if strings.HasPrefix(route, apiPrefix) {
		return path
	}
	end := behindKey(plain)
	if end == len(plain) {
		return path
	}
	action, ok := strings.CutPrefix(route, sessionPath)
	if !ok {
		action = ""
	}
	return plain[:end] + "/" + hidden + action
}

// behindKey returns the index of the end of the key in the first …/app/KEY of a
// path.
func behindKey(path string) int {
	slash := func(i int) bool { return path[i] == '/' || path[i] == '\\' }
	segment := func(i int) (begin, end int) {
		for i < len(path) && slash(i) {
			i++
		}
		begin = i
		for i < len(path) && !slash(i) {
			i++
		}
		return begin, i
	}
	for begin, end := segment(0); begin < len(path); begin, end = segment(end) {
		if strings.EqualFold(path[begin:end], "app") {
			_, end = segment(end)
			return end
		}
	}
	return len(path)
}

// unescaped decodes a path repeatedly until no escapes are left. ok is false if
// they are nested too deeply.
func unescaped(path string) (plain string, ok bool) {
	const most = 4
	for range most {
		next := unescapedOnce(path)
		if next == path {
			return path, true
		}
		path = next
	}
	return path, false
}

// unescapedOnce decodes valid escapes and leaves the rest.
func unescapedOnce(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if high, low := unhex(path[i+1]), unhex(path[i+2]); high < 16 && low < 16 {
				b = append(b, high<<4|low)
				i += 2
				continue
			}
		}
		b = append(b, path[i])
	}
	return string(b)
}

// unhex returns the value of a hexadecimal digit, or 16 for any other byte.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
