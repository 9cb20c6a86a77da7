package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
)

const headerRequestID = "X-Request-Id"

// observe answers a request, to which it gives a name, and logs it if asked to.
// The query is never logged: it holds signatures.
func (s *Server) observe(x *exchange) {
	id := x.r.Header.Get(headerRequestID)
	if !plainID(id) {
		id = s.ids.next()
	}
	x.Header().Set(headerRequestID, id)
	if !s.cfg.AccessLog {
		s.answer(x)
		return
	}
	begun := s.cfg.Now()
	s.answer(x)
	s.log.LogAttrs(x.r.Context(), slog.LevelInfo, "request",
		slog.String("request", id),
		slog.String("client", s.clientAddr(x.r).String()),
		slog.String("method", x.r.Method),
		slog.String("path", withoutSession(receivedPath(x.r))),
		slog.Int("status", x.status),
		slog.Int64("bytes", x.bytes),
		slog.Duration("took", s.cfg.Now().Sub(begun)),
	)
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
