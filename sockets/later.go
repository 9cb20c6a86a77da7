package sockets

import (
	"time"

	"fanfare/channels"
)

// laterWithin is how long a connection waits for an answer that follows later. The
// callers of Later have shorter timeouts.
const laterWithin = 12 * time.Second

// later is an answer that follows later. The connection waits for it on its loop:
// nothing more is read from it, and what was read after the request is kept.
type later struct {
	respond func(dst []byte, err error, last bool) []byte
	last    bool // the connection ends with this answer
	done    bool // conclude was called
}

// Later announces that the answer to the request follows later; the Door's Answer
// then returns nil and true. The Door calls done once, on any goroutine. After
// that, or when the time to answer has passed, respond appends the response, on
// the loop's goroutine. Its err is what done was given, or channels.ErrDoubt if
// done was not called in time. last reports whether the connection is closed
// after the response; nobody reads the response if the client has disconnected.
func (r *Request) Later(respond func(dst []byte, err error, last bool) []byte) (done func(error)) {
	c, a := r.conn, &later{respond: respond, last: r.Last}
	c.front.later = a
	return func(err error) { c.loop.Post(channels.Call(func() { c.conclude(a, err) })) }
}

// waits reports whether the connection waits for an answer that follows later.
func (c *conn) waits() bool { return c.front != nil && c.front.later != nil }

// wait has the connection wait for its answer, with a deadline.
func (c *conn) wait() {
	c.loop.unspare(c)
	c.within(laterWithin)
}

// conclude answers a request whose answer was to follow later, and then handles what
// was read after the request.
func (c *conn) conclude(a *later, err error) {
	if a.done {
		return // the answer was ErrDoubt, because this one is too late
	}
	a.done = true
	open := c.waits() && c.state == connOpen
	if open {
		_, full := c.front.cfg.Door.Patience(c.front.remote.Addr(), 0)
		a.last = a.last || full || c.loop.front == nil
	}
	response := a.respond(nil, err, a.last)
	if !open {
		return // the client has disconnected
	}
	f := c.front
	f.later, f.begun, f.body = nil, false, false
	c.reply(response, a.last)
	c.unpause()
	switch {
	case c.state != connOpen:
	case len(c.in) > 0:
		c.feed(nil)
	default:
		f.heard = c.loop.clock
		c.await(0, nil)
	}
}
