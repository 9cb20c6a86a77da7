package httpapi

import (
	"bytes"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/sockets"
)

// carriedBytes is what a request takes that waits on its session's event loop.
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
func (r *carried) AppendHead(dst []byte, length int) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: "...)
	dst = append(append(dst, r.origin...), "\r\nCache-Control: "+notCached+"\r\n"...)
	if length > 0 { // set by the handler, so it is sorted among the other headers
		dst = append(strconv.AppendInt(append(dst, "Content-Length: "...), int64(length), 10), "\r\n"...)
	}
	dst = append(dst, "Content-Type: "+linesType+"\r\nVary: Origin\r\nX-Accel-Buffering: no\r\n"+headerRequestID+": "...)
	dst = append(append(dst, r.id...), "\r\nDate: "...)
	dst = time.Now().UTC().AppendFormat(dst, http.TimeFormat)
	switch {
	case length < 0:
		dst = append(dst, "\r\nTransfer-Encoding: chunked"...)
	case length == 0:
		dst = append(dst, "\r\nContent-Length: 0"...)
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

// poll has an event loop answer a request for output of a session that exists, and
// reports whether it does. net/http opens sessions and answers with errors.
func (d door) poll(r *sockets.Request, begun time.Time) bool {
	path, _, _ := bytes.Cut(r.Target, []byte("?"))
	if !bytes.HasSuffix(path, []byte(pollAction)) || string(r.Method) != http.MethodPost || r.Length > 0 || r.Last {
		return false
	}
	received := string(path)
	below, ok := strings.CutPrefix(d.routePath(received), "/app/")
	appKey, below, _ := strings.Cut(below, "/")
	server, below, _ := strings.Cut(below, "/")
	session, action, _ := strings.Cut(below, "/")
	if !ok || "/"+action != pollAction || !sessionName(server) || !sessionName(session) {
		return false
	}
	app, ok := d.cfg.Apps.ByKey(appKey)
	if !ok || !originAllowed(r.Values("Origin"), app) {
		return false
	}
	from := d.clientOf(r)
	if d.receiveGuesses.misses.spent(network(from), d.live.Load().Fallback.OpensPerAddress, begun) {
		return false
	}
	key := sockets.SessionKey{AppID: app.ID, Random: session}
	return r.Carry(key, d.cfg.Fallback.WriteTimeout, func() sockets.CarriedResponse {
		origin, n := r.Header("Origin")
		if n == 0 {
			origin = []byte("*")
		}
		id := string(givenID(r))
		if !plainID(id) {
			id = d.ids.next()
		}
		return d.carried(&carried{
			app: app, route: sessionPath + pollAction, path: received, id: id, origin: string(origin), from: from, begun: begun,
		})
	})
}
