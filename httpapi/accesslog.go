package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/labstack/echo/v4"
)

const headerRequestID = "X-Request-Id"

// observed names every request and, if asked to, logs it. The query is never
// logged: it holds signatures.
func (s *Server) observed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, w := c.Request(), c.Response()
		id := r.Header.Get(headerRequestID)
		if !plainID(id) {
			id = s.ids.next()
		}
		w.Header().Set(headerRequestID, id)
		if !s.cfg.AccessLog {
			return next(c)
		}
		begun := s.cfg.Now()
		if err := next(c); err != nil {
			s.fail(err, c)
		}
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("request", id),
			slog.String("client", s.clientAddr(r).String()),
			slog.String("method", r.Method),
			slog.String("path", withoutSession(receivedPath(r))),
			slog.Int("status", w.Status),
			slog.Int64("bytes", w.Size),
			slog.Duration("took", s.cfg.Now().Sub(begun)),
		)
		return nil
	}
}

// withoutSession is the path of a request with the id of an HTTP session left
// out: it is the only secret of the session.
func withoutSession(path string) string {
	rest, action := cutLast(path)
	switch action {
	case "xhr", "xhr_streaming", "xhr_send":
		before, _ := cutLast(rest)
		return before + "/…/" + action
	}
	return path
}

// cutLast cuts a path at its last slash.
func cutLast(path string) (before, last string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// requestIDs makes ids that are unique to this process and, by their first
// part, among others.
type requestIDs struct {
	prefix string
	count  atomic.Uint64
}

func newRequestIDs() requestIDs {
	var b [5]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return requestIDs{prefix: hex.EncodeToString(b[:]) + "-"}
}

func (r *requestIDs) next() string {
	return r.prefix + strconv.FormatUint(r.count.Add(1), 36)
}

// plainID tells whether a caller's own id may be used: it ends up in a log.
func plainID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := 0; i < len(id); i++ {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
