package sockets

import (
	"net/netip"
	"sync"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// quietBefore is how many seconds after the last line an empty send is answered at the
// earliest.
const quietBefore = 5

// SessionKey identifies an HTTP session by the app and the random part of its
// path. The part of the path before it is for load balancers
// (docs/spec/http-fallback.md#session-life).
type SessionKey struct {
	AppID  string
	Random string
}

// httpSession is the link of a connection over HTTP streaming or polling. Messages
// stay queued until the handler of a request has written them.
type httpSession struct {
	loop    *loop
	key     SessionKey
	creator netip.Addr
	watched bool // by Config.Nodes
	// What follows belongs to the loop's goroutine.
	begun    bool     // the loop has opened it
	receive  *Receive // the attached request, nil between two
	next     *Receive // waits until the attached one has finished writing
	farewell []byte   // the close line, nil while the session is open
	since    uint32   // second since which no receive is attached
	wrote    uint32   // second of the last line
	opening  opening
}

// opening is the state of the line that opens a session.
type opening uint8

const (
	openUnsaid opening = iota
	openInHand         // the attached receive's handler is writing it
	openSaid
)

// httpSessions finds sessions by key, from any goroutine.
type httpSessions struct {
	mu    sync.Mutex
	byKey map[SessionKey]*conn
	peak  int // see shrunk
}

// attach makes r the request that the session answers on, in place of one that is
// attached: pusher-js aborts a request and opens the next at once, and the new one
// may arrive before the end of the old one.
func (h *httpSession) attach(c *conn, r *Receive) {
	if c.state == connDead {
		r.end()
		return
	}
	c.active = h.loop.now
	if h.receive != nil && h.receive.busy {
		if h.next != nil {
			h.next.end()
		}
		h.next = r
		return
	}
	if h.receive != nil {
		h.receive.end()
	}
	h.receive = r
	h.settle(c)
}

// settle attaches the next receive if none is attached, writes what is queued, and
// sets the deadline.
func (h *httpSession) settle(c *conn) {
	if h.receive == nil && h.next != nil {
		h.receive, h.next = h.next, nil
	}
	h.flush(c)
	if c.state != connOpen {
		return
	}
	deadline := h.wrote + h.heartbeat()
	if h.receive == nil || h.receive.full() {
		h.since = h.loop.now
		deadline = h.since + h.within()
	}
	// An earlier deadline stays: expire then checks this one too.
	if c.due > deadline {
		h.loop.schedule(c, deadline)
	}
}

func (h *httpSession) within() uint32    { return seconds(h.loop.server.cfg.ReceiveWithin) + 1 } // see after
func (h *httpSession) heartbeat() uint32 { return seconds(h.loop.server.cfg.Heartbeat) }

// flush implements link.
func (h *httpSession) flush(c *conn) {
	r := h.receive
	if c.blocked = r == nil || r.busy || r.full(); c.blocked {
		if c.queue.bytes > 0 {
			c.slow()
		}
		return
	}
	var chunk []byte
	if r.carrier != nil {
		chunk = h.loop.lines[:0]
	}
	if h.opening == openUnsaid {
		chunk = append(chunk, *h.loop.server.opened.Load()...)
		h.opening = openInHand
	}
	chunk, n := appendFrames(chunk, c.queue.frames, r.room())
	for _, f := range c.queue.frames[:n] {
		c.queue.flight += len(f.Bytes())
	}
	c.queue.flying = int32(n)
	if n == 0 && c.state == connClosing {
		chunk = append(chunk, h.farewell...) // repeat the close line
	}
	if len(chunk) > 0 || r.streaming && !r.opened {
		h.hand(c, chunk)
	}
	if r.carrier != nil && cap(chunk) <= readBuffer {
		h.loop.lines = chunk // say has copied it
	}
}

// hand gives the attached receive's handler whole lines to write.
func (h *httpSession) hand(c *conn, chunk []byte) {
	c.blocked = true
	h.wrote = h.loop.now
	h.receive.hand(chunk)
	if !h.receive.streaming || c.state == connClosing && c.queue.waiting() == 0 {
		h.receive.end()
	}
}

// written is called when r's handler has written its chunk, or has failed with err.
func (h *httpSession) written(c *conn, r *Receive, err error) {
	if r != h.receive || !r.busy {
		return
	}
	r.busy = false
	said := c.queue.flight
	c.queue.flight, c.queue.flying = 0, 0
	if h.opening == openInHand {
		h.opening = openSaid
		if err != nil {
			h.opening = openUnsaid
		}
	}
	if err == nil && said > 0 {
		c.written(said)
	}
	if err != nil || r.ended || h.next != nil {
		r.end()
		h.receive = nil
	}
	h.settle(c)
}

// detach is called when r's handler reports that the client has disconnected. A chunk
// that was on its way to the handler was not written. If r is not attached, it is not
// changed: it may belong to an earlier session of the same key, which another loop is
// ending.
func (h *httpSession) detach(c *conn, r *Receive, err error) {
	switch {
	case r == h.next:
		h.next = nil
	case r != h.receive:
	case r.busy:
		h.written(c, r, err)
	default:
		h.receive = nil
		h.settle(c)
	}
}

// deliver handles messages of the client.
func (h *httpSession) deliver(c *conn, messages []string) {
	c.active = h.loop.now
	for _, m := range messages {
		if c.state != connOpen {
			return
		}
		c.traffic().MessagesReceived.Add(1)
		c.traffic().BytesReceived.Add(uint64(len(m)))
		c.received += uint64(len(m))
		if len(m) > int(c.limit) {
			var outline pusherproto.Outline
			outline.Add([]byte(m))
			c.TooLarge(&outline, int(c.limit))
			continue
		}
		c.Receive([]byte(m))
	}
	// The client sends an empty list to check that the connection is alive. The answer
	// is not a heartbeat (h), which a stream's client would answer with another empty
	// send, without end (docs/spec/http-fallback.md#heartbeats).
	r := h.receive
	if len(messages) == 0 && r != nil && !r.busy && !r.full() && h.loop.now-h.wrote >= quietBefore {
		h.hand(c, []byte(lineActivity))
	}
}

// farewellFrame implements link.
func (h *httpSession) farewellFrame(code int, reason string) *channels.Frame {
	h.farewell = appendClose(nil, code, reason)
	return channels.ControlFrame(h.farewell)
}

// reachable implements link: between two requests nothing can be sent.
func (h *httpSession) reachable() bool {
	return h.receive != nil && !h.receive.busy && !h.receive.full()
}

// linger implements link.
func (h *httpSession) linger(*conn) uint32 { return h.within() }

// expire implements link. It sends a heartbeat on an attached receive, and ends a
// session that has had none for too long
// (docs/spec/http-fallback.md#session-life).
func (h *httpSession) expire(c *conn, now uint32) uint32 {
	r := h.receive
	if r == nil || r.full() {
		if end := h.since + h.within(); now < end {
			return end
		}
		c.lose(byNetwork, "the client made no further request")
		return 0
	}
	next := max(now+1, h.wrote+h.heartbeat())
	if r.streaming {
		// A stream's client answers each heartbeat with an empty send. A client that
		// stops answering has disconnected without closing the connection.
		app := c.App()
		silent := c.active + max(seconds(app.ActivityTimeout), 2*h.heartbeat()) + seconds(app.PongTimeout)
		if now >= silent {
			c.Fail(pusherproto.CodePongTimeout, "No sign of life from the client")
			return 0
		}
		next = min(next, silent)
	}
	if now >= h.wrote+h.heartbeat() && !r.busy {
		h.hand(c, []byte(lineHeartbeat))
	}
	return next
}

// finish implements link: the close line is written. The session stays for a while, to
// repeat the line on each further receive, but no longer counts as a socket. While it
// has not left its channels, which it does at the end of a turn, it still counts:
// finish then runs again after that turn.
func (h *httpSession) finish(c *conn) {
	if c.ending {
		c.lane.Post(channels.Call(func() {
			if c.state == connClosing {
				h.finish(c)
			}
		}))
		return
	}
	c.discount()
	h.loop.schedule(c, h.loop.now+h.linger(c))
}

// resume implements link. A session is never paused: Deliver waits instead.
func (h *httpSession) resume(*conn) {}

// release implements link.
func (h *httpSession) release(c *conn) {
	h.unwatch() // before another session of this name can begin
	all := &h.loop.server.sessions
	all.mu.Lock()
	if all.byKey[h.key] == c {
		delete(all.byKey, h.key)
		all.byKey = shrunk(all.byKey, &all.peak)
	}
	all.mu.Unlock()
	for _, r := range []*Receive{h.receive, h.next} {
		if r != nil {
			r.end()
		}
	}
}

// address implements link.
func (h *httpSession) address(*conn) netip.Addr { return h.creator }
