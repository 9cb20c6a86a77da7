package httpapi

import (
	"bytes"
	"net/http"
	"time"

	"fanfare/internal/account"
	"fanfare/sockets"
)

// carriedBytes is what a request takes that waits on its session's event loop.
const carriedBytes = 1600

// carry has the session's event loop write a stream, and reports whether it does. A
// waiting request has no goroutine then. The request is counted and logged when it
// ends.
func (s *Server) carry(x *exchange, r *sockets.Receive) bool {
	header := x.Header()
	if !x.r.ProtoAtLeast(1, 1) || x.r.Close || header.Get("Connection") != "" || !sockets.Carries(connOf(x.r)) {
		return false
	}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = header.Write(&head)
	head.WriteString("Date: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	done := s.counted(x)
	held := s.cfg.Hub.Account(x.app)
	conn, rw, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err != nil {
		return false
	}
	x.status, x.carried = http.StatusOK, true
	held.Hold(account.Receives, carriedBytes)
	s.cfg.Sockets.Carry(conn, rw.Reader, sockets.Carriage{
		Receive: r, Head: head.Bytes(), Within: s.cfg.Fallback.WriteTimeout,
		Done: func(body int64) {
			held.Release(account.Receives, carriedBytes)
			done(body)
		},
	})
	return true
}

// counted returns what counts and logs the request when its answer has ended.
func (s *Server) counted(x *exchange) func(body int64) {
	appID, route, begun := x.appID(), x.route, x.begun
	a := answered{
		id: x.Header().Get(headerRequestID), app: appID, method: x.r.Method, path: s.shownPath(x.route, receivedPath(x.r)),
		status: http.StatusOK, from: s.clientAddr(x.r),
	}
	return func(body int64) {
		took := s.cfg.Now().Sub(begun)
		s.requests.add(appID, route, http.StatusOK, took)
		if s.logs(s.logLevel()) {
			a.bytes, a.took = body, took
			s.logRequest(requestLine, &a)
		}
	}
}
