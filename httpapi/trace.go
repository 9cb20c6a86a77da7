package httpapi

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"fanfare/pusherproto"
	"fanfare/sockets"
)

// Tracer receives each API call when it is answered. Call is also called on
// event loops and must not block. It has to copy what it keeps.
type Tracer interface {
	Call(c *TracedCall)
}

// TracedCall is an answered API call, without the content of events and the
// names of channels and users.
type TracedCall struct {
	Traceparent, Tracestate string // sent by the caller, "" if absent
	Signed                  bool   // the signature is valid
	Method                  string
	Route                   string // its pattern, "" if no route matched
	Secure                  bool   // the caller used TLS
	App                     string // id, "" if it named no existing app
	Status                  int
	Channels, Events        int // numbers in a publish
	Begun                   time.Time
	Took                    time.Duration
	// Published and Accepted are when the events were sent to the cluster and
	// when it answered; zero without a cluster.
	Published, Accepted time.Time
}

// callerOf stores the caller's trace, if it is sent exactly once (W3C Trace
// Context §3.2).
func (c *TracedCall) callerOf(parents, states []string) {
	if len(parents) == 1 {
		c.Traceparent, c.Tracestate = parents[0], strings.Join(states, ",")
	}
}

// underAPI reports whether a routed path belongs to the API.
func underAPI(path string) bool { return strings.HasPrefix(path, "/apps/") }

// traced adds a TracedCall to an exchange that may be an API call.
func (s *Server) traced(x *exchange) {
	c := &TracedCall{Method: x.r.Method}
	c.callerOf(x.r.Header["Traceparent"], x.r.Header["Tracestate"])
	x.trace = c
}

// tell passes an answered exchange to the tracer.
func (s *Server) tell(x *exchange, appID string, begun time.Time, took time.Duration) {
	if x.line != callLine && !underAPI(x.r.URL.Path) {
		return
	}
	c := x.trace
	c.Route, c.Secure, c.App, c.Status, c.Begun, c.Took = x.route, s.overTLS(x.r), appID, x.status, begun, took
	s.cfg.Tracer.Call(c)
}

// publishing records what an exchange is about to publish, if it is traced.
func (s *Server) publishing(x *exchange, channels, events int) {
	if x.trace == nil {
		return
	}
	x.trace.Channels, x.trace.Events = channels, events
	if s.cfg.Hub.AnswersLater() {
		x.trace.Published = s.cfg.Now()
	}
}

// published records the time when it was accepted or refused.
func (s *Server) published(x *exchange) {
	if x.trace != nil && !x.trace.Published.IsZero() {
		x.trace.Accepted = s.cfg.Now()
	}
}

// tracedDoor is a door that passes its answered calls to a tracer.
type tracedDoor struct{ door }

// Answer implements sockets.Door.
func (d tracedDoor) Answer(dst []byte, r *sockets.Request) ([]byte, bool) {
	c := &TracedCall{}
	later := d.cfg.Hub.AnswersLater()
	dst, ok := d.answer(dst, r, c)
	if ok && !later && c.Signed { // otherwise net/http or acceptedLater reports it, or it is a poll
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

// describe records a call before its answer.
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

// acceptedLater passes a call that a cluster has answered to the tracer.
func (d door) acceptedLater(t *TracedCall, status int, accepted time.Time) {
	t.Status, t.Accepted, t.Took = status, accepted, accepted.Sub(t.Begun)
	d.cfg.Tracer.Call(t)
}

// secure is overTLS for a request on an event loop.
func (d door) secure(r *sockets.Request) bool {
	if r.Secure || !d.trusted(r.Remote.Addr()) {
		return r.Secure
	}
	return d.encrypted(r.Values("X-Forwarded-Proto"), r.Values("Forwarded"))
}
