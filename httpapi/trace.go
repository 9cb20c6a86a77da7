package httpapi

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"fanfare/pusherproto"
	"fanfare/sockets"
)

// Tracer receives each API call when it is answered, on event loops too: Call must
// not block. It copies what it keeps.
type Tracer interface {
	Call(c *TracedCall)
}

// TracedCall is an API call that is answered. There is nothing of what it
// published in it, and no name of a channel or a user.
type TracedCall struct {
	Traceparent, Tracestate string // of the caller, "" if it sent none
	Signed                  bool   // the caller showed the app's secret
	Method                  string
	Route                   string // its pattern, "" if the path led nowhere
	Secure                  bool   // it came over TLS
	App                     string // id, "" if it named none that exists
	Status                  int
	Channels, Events        int // of a publish
	Begun                   time.Time
	Took                    time.Duration
	// Published and Accepted are when a cluster was asked to take the events and
	// when it answered; zero without one.
	Published, Accepted time.Time
}

// callerOf takes down the caller's trace, which counts if it is named once (W3C Trace
// Context §3.2).
func (c *TracedCall) callerOf(parents, states []string) {
	if len(parents) == 1 {
		c.Traceparent, c.Tracestate = parents[0], strings.Join(states, ",")
	}
}

// underAPI reports whether a path as it is routed is one of the API.
func underAPI(path string) bool { return strings.HasPrefix(path, "/apps/") }

// traced gives an exchange what is to be told of it, if it may be an API call.
func (s *Server) traced(x *exchange) {
	c := &TracedCall{Method: x.r.Method}
	c.callerOf(x.r.Header["Traceparent"], x.r.Header["Tracestate"])
	x.trace = c
}

// tell tells the tracer of an exchange that was answered.
func (s *Server) tell(x *exchange, appID string, begun time.Time, took time.Duration) {
	if x.line != callLine && !underAPI(x.r.URL.Path) {
		return
	}
	c := x.trace
	c.Route, c.Secure, c.App, c.Status, c.Begun, c.Took = x.route, s.overTLS(x.r), appID, x.status, begun, took
	s.cfg.Tracer.Call(c)
}

// publishing takes down what an exchange is about to publish, if it is traced.
func (s *Server) publishing(x *exchange, channels, events int) {
	if x.trace == nil {
		return
	}
	x.trace.Channels, x.trace.Events = channels, events
	if s.cfg.Hub.AnswersLater() {
		x.trace.Published = s.cfg.Now()
	}
}

// published takes down when that was accepted or refused.
func (s *Server) published(x *exchange) {
	if x.trace != nil && !x.trace.Published.IsZero() {
		x.trace.Accepted = s.cfg.Now()
	}
}

// tracedDoor is a door that tells a tracer of what it answers.
type tracedDoor struct{ door }

// Answer implements sockets.Door.
func (d tracedDoor) Answer(dst []byte, r *sockets.Request) ([]byte, bool) {
	c := &TracedCall{}
	later := d.cfg.Hub.AnswersLater()
	dst, ok := d.answer(dst, r, c)
	if ok && !later { // else net/http tells of it, or later
		c.Status, c.Took = http.StatusOK, d.cfg.Now().Sub(c.Begun)
		d.cfg.Tracer.Call(c)
	}
	return dst, ok
}

// Unavailable implements sockets.Door.
func (d tracedDoor) Unavailable(dst []byte, remote netip.AddrPort, r *sockets.Request) []byte {
	if r != nil {
		path, _, _ := strings.Cut(string(r.Target), "?")
		if routed, _ := d.unprefixed(path); underAPI(routed) {
			c := &TracedCall{Method: string(r.Method), Secure: d.secure(r), Status: http.StatusServiceUnavailable, Begun: d.cfg.Now()}
			c.callerOf(r.Values("Traceparent"), r.Values("Tracestate"))
			d.cfg.Tracer.Call(c)
		}
	}
	return d.door.Unavailable(dst, remote, r)
}

// describe takes down what there is to tell of a call before its answer.
func (d door) describe(c *call, r *sockets.Request, begun time.Time, events []pusherproto.Event) {
	t := c.trace
	t.callerOf(r.Values("Traceparent"), r.Values("Tracestate"))
	for i := range events {
		t.Channels += len(events[i].Channels)
	}
	t.Events = len(events)
	t.Signed, t.Method, t.Route, t.Secure, t.App, t.Begun = true, http.MethodPost, c.route, d.secure(r), c.app.ID, begun
	if d.cfg.Hub.AnswersLater() {
		t.Published = d.cfg.Now()
	}
}

// acceptedLater tells of a call that a cluster has answered.
func (d door) acceptedLater(t *TracedCall, status int, accepted time.Time) {
	t.Status, t.Accepted, t.Took = status, accepted, accepted.Sub(t.Begun)
	d.cfg.Tracer.Call(t)
}

// secure is overTLS for a request on a loop.
func (d door) secure(r *sockets.Request) bool {
	if r.Secure || !d.trusted(r.Remote.Addr()) {
		return r.Secure
	}
	return d.encrypted(r.Values("X-Forwarded-Proto"), r.Values("Forwarded"))
}
