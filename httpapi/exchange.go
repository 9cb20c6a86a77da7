package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// exchange is a request with its answer. It belongs to the goroutine that
// serves the request and is reused afterwards.
type exchange struct {
	http.ResponseWriter
	r       *http.Request
	route   string // its pattern; "" if no route matched
	params  params // of the route
	status  int    // sent; 0 before
	bytes   int64  // sent of the body
	taken   bool   // the request's body is read or has been discarded
	err     error  // what the route's handler returned
	begun   time.Time
	carried bool // an event loop answers, and reports when it has answered

	// For the log and the metrics.
	app    *apps.App       // nil if the request names no existing app
	reason string          // text of an error
	line   string          // the log message
	why    channels.Reason // of a refusal; "" if the status says enough
	trace  *TracedCall     // nil without tracing
}

// params are the named segments of a route's path.
type params interface{ Param(name string) string }

// handler answers a request or returns an error.
type handler func(x *exchange) error

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	x.status = status
	if x.unread() {
		// Otherwise net/http would wait for the body before it answers.
		x.Header().Set("Connection", "close")
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	n, err := x.ResponseWriter.Write(b)
	x.bytes += int64(n)
	return n, err
}

// Unwrap returns the underlying writer for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// appID returns the id of the app, or "".
func (x *exchange) appID() string {
	if x.app == nil {
		return ""
	}
	return x.app.ID
}

// answered reports whether the status has been sent, after which no other
// answer is possible.
func (x *exchange) answered() bool { return x.status != 0 }

// param returns a path parameter, percent-decoded once.
func (x *exchange) param(name string) (string, error) {
	value, err := url.PathUnescape(x.params.Param(name))
	if err != nil {
		return "", &pusherproto.Error{Code: http.StatusBadRequest, Message: "the path is not percent-encoded correctly"}
	}
	return value, nil
}

// respond writes a JSON text.
func (x *exchange) respond(status int, json []byte) error {
	x.Header().Set("Content-Type", "application/json")
	if x.unread() {
		x.Header().Set("Content-Length", strconv.Itoa(len(json))) // linger uses it
	}
	x.WriteHeader(status)
	_, err := x.Write(json)
	return err
}

// done sends the empty answer {}.
func (x *exchange) done() error { return x.respond(http.StatusOK, []byte("{}")) }

// nothing sends an answer without a body.
func (x *exchange) nothing(status int) error {
	x.WriteHeader(status)
	return nil
}

// exchanges is a pool of exchange values.
type exchanges struct{ pool sync.Pool }

func (p *exchanges) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x, ok := p.pool.Get().(*exchange)
	if !ok {
		x = new(exchange)
	}
	*x = exchange{ResponseWriter: w, r: r}
	return x
}

func (p *exchanges) end(x *exchange) {
	*x = exchange{}
	p.pool.Put(x)
}
