package httpapi

import (
	"net/http"
	"time"
)

// A connection that is closed while the caller still sends is reset, and the
// answer may be lost with it (RFC 9112 §9.6). What comes within these bounds
// after an answer that did not wait for the body is read, and not kept.
// Where connections are many, they have to leave sooner.
const (
	lingerTime    = 5 * time.Second
	lingerHurried = 100 * time.Millisecond
	lingerBytes   = 512 << 10
)

// unread reports whether the request has a body that was not read.
func (x *exchange) unread() bool { return x.r.ContentLength != 0 && !x.taken }

// linger waits for a caller whose body was not read to see the answer.
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
	// A caller who knows that there is no more to come leaves.
	whole := x.status == http.StatusNoContent || x.Header().Get("Content-Length") != ""
	if half, ok := connOf(x.r).(interface{ CloseWrite() error }); ok && whole {
		_ = half.CloseWrite()
	}
	_, _ = discard(x.r.Body, lingerBytes)
	_ = control.SetReadDeadline(time.Now()) // net/http would read on
}
