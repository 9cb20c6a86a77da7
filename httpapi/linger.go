package httpapi

import (
	"net/http"
	"time"
)

// If a connection is closed while the caller still sends, it is reset and the
// answer may be lost (RFC 9112 §9.6). After an answer that did not wait for the
// body, the rest of the body is read and discarded within these limits. They
// are lower when there are many connections.
const (
	lingerTime    = 5 * time.Second
	lingerHurried = 100 * time.Millisecond
	lingerBytes   = 512 << 10
)

// unread reports whether the request has a body that was not read.
func (x *exchange) unread() bool { return x.r.ContentLength != 0 && !x.taken }

// linger gives a caller whose body was not read time to read the answer.
func (x *exchange) linger(calm bool) {
	if x.status == 0 || x.status == http.StatusSwitchingProtocols || !x.unread() {
		return
	}
	within := lingerTime
	if !calm {
		within = lingerHurried
	}
	control := http.NewResponseController(x.ResponseWriter)
	if control.Flush() != nil || control.SetReadDeadline(time.Now().Add(within)) != nil {
		return
	}
	// A caller that knows the answer is complete closes the connection.
	whole := x.status == http.StatusNoContent || x.Header().Get("Content-Length") != ""
	if half, ok := connOf(x.r).(interface{ CloseWrite() error }); ok && whole {
		_ = half.CloseWrite()
	}
	_, _ = discard(x.r.Body, lingerBytes)
	_ = control.SetReadDeadline(time.Now()) // net/http would continue to read
}
