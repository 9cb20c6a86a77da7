package httpapi

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/sockets"
)

// carriedBytes is the memory of a request that waits on its session's event loop.
const carriedBytes = 1200

// carry has the session's event loop answer a request, and reports whether it does. A
// waiting request has no goroutine then. The request is counted and logged when it
// ends.
func (s *Server) carry(x *exchange, r *sockets.Receive) bool {
	header := x.Header()
	if !x.r.ProtoAtLeast(1, 1) || x.r.Close || header.Get("Connection") != "" || !sockets.Carries(connOf(x.r)) {
		return false
	}
	conn, rw, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err != nil {
		return false
	}
	x.status, x.carried = http.StatusOK, true
	s.cfg.Sockets.Carry(conn, rw.Reader, sockets.Carriage{Receive: r, Within: s.cfg.Fallback.WriteTimeout, Response: s.carried(&carried{
		app: x.app, route: x.route, path: receivedPath(x.r), id: header.Get(headerRequestID),
		origin: header.Get("Access-Control-Allow-Origin"), from: s.clientAddr(x.r), begun: x.begun,
	})})
	return true
}

// carried is a request that an event loop answers with the output of a session. It
// implements sockets.CarriedResponse.
type carried struct {
	s                       *Server
	app                     *apps.App
	held                    *account.Account
	route, path, id, origin string
	from                    netip.Addr
	begun                   time.Time
}

func (s *Server) carried(r *carried) *carried {
	r.s, r.held = s, s.cfg.Hub.Account(r.app)
	r.held.Hold(account.Receives, carriedBytes)
	return r
}

// AppendHead appends the head that net/http would write.
func (r *carried) AppendHead(dst []byte, length int, last bool) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: "...)
	dst = append(append(dst, r.origin...), "\r\nCache-Control: "+notCached+"\r\n"...)
	if length > 0 { // set by the handler, so it is sorted among the other headers
		dst = append(strconv.AppendInt(append(dst, "Content-Length: "...), int64(length), 10), "\r\n"...)
	}
	dst = append(dst, "Content-Type: "+linesType+"\r\nVary: Origin\r\nX-Accel-Buffering: no\r\n"+headerRequestID+": "...)
	dst = append(append(dst, r.id...), "\r\nDate: "...)
	dst = time.Now().UTC().AppendFormat(dst, http.TimeFormat)
	if length == 0 {
		dst = append(dst, "\r\nContent-Length: 0"...)
	}
	if last {
		dst = append(dst, "\r\nConnection: close"...)
	}
	if length < 0 {
		dst = append(dst, "\r\nTransfer-Encoding: chunked"...)
	}
	return append(dst, "\r\n\r\n"...)
}

// Done counts and logs the request.
func (r *carried) Done(body int64) {
	s := r.s
	r.held.Release(account.Receives, carriedBytes)
	took := s.cfg.Now().Sub(r.begun)
	s.requests.add(r.app.ID, r.route, http.StatusOK, took)
	if s.logs(s.logLevel()) {
		s.logRequest(requestLine, &answered{
			id: r.id, app: r.app.ID, method: http.MethodPost, path: s.shownPath(r.route, r.path), status: http.StatusOK,
			bytes: body, from: r.from, took: took,
		})
	}
}
