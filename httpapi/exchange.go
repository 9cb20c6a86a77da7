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

// exchange is a request and the answer to it. It belongs to the goroutine that
// serves the request and is used again for another one afterwards.
type exchange struct {
	http.ResponseWriter
	r       *http.Request
	route   string // as registered; "" where there is none
	params  params // of the route
	status  int    // as sent; 0 until then
	bytes   int64  // of the body, sent
	taken   bool   // nothing of the request's body is left to be read
	err     error  // what the route's handler returned
	begun   time.Time
	carried bool // a loop answers, and says when it has

	// For the log and the metrics.
	app    *apps.App       // nil where the request names none that exists
	reason string          // of an error
	line   string          // the message
	why    channels.Reason // of a refusal; "" where the status tells
	trace  *TracedCall     // nil if nothing is traced
}

// params are the segments of a path that a route gives names to.
type params interface{ Param(name string) string }

// handler answers a request, or returns why not.
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

// Unwrap gives http.ResponseController the connection's own writer.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// appID is the id of the app, "" where there is none.
func (x *exchange) appID() string {
	if x.app == nil {
		return ""
	}
	return x.app.ID
}

// answered reports whether the status is on its way, after which nothing else
// can be answered.
func (x *exchange) answered() bool { return x.status != 0 }

// param is a path parameter, percent-decoded once.
func (x *exchange) param(name string) (string, error) {
	value, err := url.PathUnescape(x.params.Param(name))
	if err != nil {
		return "", &pusherproto.Error{Code: http.StatusBadRequest, Message: "the path is not percent-encoded right"}
	}
	return value, nil
}

// respond writes a JSON text.
func (x *exchange) respond(status int, json []byte) error {
	x.Header().Set("Content-Type", "application/json")
	if x.unread() {
		x.Header().Set("Content-Length", strconv.Itoa(len(json))) // for linger
	}
	x.WriteHeader(status)
	_, err := x.Write(json)
	return err
}

// done is the answer that says nothing but that it is done.
func (x *exchange) done() error { return x.respond(http.StatusOK, []byte("{}")) }

// nothing is an answer without a body.
func (x *exchange) nothing(status int) error {
	x.WriteHeader(status)
	return nil
}

// exchanges is a pool of them.
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
