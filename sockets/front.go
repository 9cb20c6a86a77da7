package sockets

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455 §1.3 wants this hash; it protects nothing
	"encoding/base64"
	"net/netip"
	"time"

	"fanfare/channels"
	"fanfare/internal/account"
)

// Door decides about the requests on connections that the loops accept. httpapi
// implements it. Its methods do not block.
type Door interface {
	// Admit reports whether an address may have one more connection. If so, the
	// connection counts from then on, as one without a complete request. Settle
	// reports that its first request is complete, Leave that it has ended or has
	// become a socket, and Enter that it no longer carries a socket.
	Admit(addr netip.Addr) bool
	// Crowd is the complete answer to a connection that is closed in favour of
	// another before it has sent a complete request.
	Crowd() []byte
	// TooMany is the complete answer to a connection that was not admitted.
	TooMany() []byte
	Settle(addr netip.Addr)
	Leave(addr netip.Addr)
	Enter(addr netip.Addr)
	// Patience returns how long a connection of an address may be idle, at most
	// most, and whether there are so many connections that it has to end with
	// its next answer.
	Patience(addr netip.Addr, most time.Duration) (idle time.Duration, full bool)
	// Calm reports whether Patience returns most for every address.
	Calm() bool
	// Crowded reports whether there are so many connections that each new one
	// must close another.
	Crowded() bool
	// Upgrade checks a request for a WebSocket. ok is false if the request is
	// unusual; net/http then answers it.
	Upgrade(r *Request) (o Opening, ok bool)
	// Await decides, when the head of a request has arrived, whether the loop
	// waits for the rest, because Answer can answer it and the caller is allowed
	// to make it. Otherwise net/http gets what has arrived, and answers.
	Await(r *Request) bool
	// Answer appends the complete response to a request, or returns ok false if
	// net/http has to answer. If it has called r.Later or r.Carry, the response
	// follows later.
	Answer(dst []byte, r *Request) (response []byte, ok bool)
	// Unavailable appends the response to a request that arrived too late,
	// because the server is ending. r is nil if the request is unknown.
	Unavailable(dst []byte, remote netip.AddrPort, r *Request) []byte
}

// FrontConfig has the limits of the connections that a Front accepts.
type FrontConfig struct {
	Door           Door
	HeaderTimeout  time.Duration // for the head of a request
	BodyTimeout    time.Duration // further time for its body
	IdleTimeout    time.Duration // between two requests
	MaxHeaderBytes int
	MaxBodyBytes   int // larger bodies are left to net/http
	// ProxyHeaders is nil if no connection begins with a PROXY header. SetFront
	// does not change it.
	ProxyHeaders *ProxyHeaders
}

// front is the state of a connection that has not become a WebSocket. It
// belongs to the loop.
type front struct {
	cfg     *FrontConfig
	remote  netip.AddrPort
	held    bool // Admit returned true and Leave was not called
	counted bool // Settle was not called either
	leaving bool // goes to net/http when what is queued is written
	cut     bool // the time for the rest of its request has passed
	missed  bool // was idle and is closed in favour of another
	begun   bool // a part of a request has arrived
	body    bool // the head of the request has arrived
	secure  bool // the client's connection to its proxy is encrypted
	expects Expectation
	blanks  int      // line ends that may still precede the request
	length  int      // bytes of a request whose head has arrived and whose body has not
	awaited bool     // the Door has asked to wait for the body
	kept    int      // bytes entered in the account for it
	later   *later   // the pending answer; nil if there is none
	carrier *carrier // nil if it carries no response of a session

	deadline uint32 // second in which late is called

	since time.Duration // when its request began, on the loop's clock
	heard time.Duration // when data last arrived
}

// requestFrames is the number of frames that a request counts as if a loop answers it:
// checking its signature alone takes as long as a dozen frames.
const requestFrames = 16

// mostBlanks is how many CR and LF bytes after a request are skipped, as in net/http:
// some clients add a line end after the body (RFC 9112 §2.2).
const mostBlanks = 4

// settle takes the connection out of its address's count.
func (f *front) settle() {
	if f.counted {
		f.counted = false
		f.cfg.Door.Settle(f.remote.Addr())
	}
}

// leave takes the connection out of all counts.
func (f *front) leave() {
	f.settle()
	if f.held {
		f.held = false
		f.cfg.Door.Leave(f.remote.Addr())
	}
}

// account enters in the account the bytes that a connection keeps while it waits for
// the body of a request, for an answer, or for the end of a session's response.
func (l *loop) account(f *front, in []byte) {
	size, all := 0, l.server.cfg.Account
	if f.awaited || f.later != nil || f.carrier != nil {
		size = cap(in)
	}
	switch {
	case size == f.kept:
		return
	case f.kept == 0:
		all.Hold(account.Bodies, size)
	case size == 0:
		all.Release(account.Bodies, f.kept)
	default:
		all.Resize(account.Bodies, size-f.kept)
	}
	f.kept = size
}

// request handles the whole requests at the start of b and returns their
// length. Afterwards the connection may be a WebSocket, or on its way to net/http.
func (c *conn) request(b []byte) (used int) {
	f := c.front
	if f.expects != NoProxyHeader {
		if used = c.takeProxyHeader(b); f.expects != NoProxyHeader || c.state != connOpen {
			return used
		}
	}
	header := used
	var r Request
	for c.front == f && c.state == connOpen && !f.leaving && f.later == nil && f.carrier == nil {
		for f.blanks > 0 && used < len(b) && (b[used] == '\r' || b[used] == '\n') {
			f.blanks--
			used++
		}
		if len(b)-used < f.length {
			return used // the head is not parsed again for each byte of the body
		}
		size, v := r.read(b[used:], f.cfg.MaxHeaderBytes, f.cfg.MaxBodyBytes)
		f.length = 0
		switch v {
		case incomplete:
			if size > 0 {
				r.Remote = f.remote
				if f.awaited = f.cfg.Door.Await(&r); !f.awaited {
					c.leave(&r)
					return used
				}
			}
			f.length = size
			c.await(used-header, b[used:])
			return used
		case unusual:
			c.logHello(b[used:])
			c.leave(nil)
			return used
		}
		r.conn, r.Remote, r.Secure, r.Awaited, f.awaited = c, f.remote, f.secure, f.awaited, false
		f.settle()
		_, full := f.cfg.Door.Patience(f.remote.Addr(), 0)
		r.Last = full || c.loop.front == nil || r.Closes()
		if !c.answer(&r) {
			c.leave(&r)
			return used
		}
		used += size
		c.loop.parsed += requestFrames
		if f.carrier != nil {
			return used // written would handle what is behind the request in here
		}
		if c.queue.bytes > int(c.loop.server.queueBytes.Load())/2 && !c.blocked {
			c.link.flush(c)
		}
		if c.queue.bytes > int(c.loop.server.queueBytes.Load()) {
			c.die() // it sends requests and does not read the answers
		}
	}
	return used
}

// answer handles one request. It returns false if net/http has to answer it.
func (c *conn) answer(r *Request) bool {
	f := c.front
	if _, n := r.Header("Upgrade"); n > 0 {
		o, ok := f.cfg.Door.Upgrade(r)
		if !ok {
			return false
		}
		nonce, _ := r.Header("Sec-WebSocket-Key")
		c.push(channels.ControlFrame(appendSwitching(nil, nonce)))
		c.loop.unspare(c)
		f.leave()
		c.front, c.switching = nil, true
		c.lane = c.loop.laneOf(o.App)
		c.opened = c.loop.now
		c.loop.share.sockets.Add(1)
		c.limit = c.loop.server.messageLimit(o.App)
		c.open(&o, webSocket)
		return true
	}
	response, ok := f.cfg.Door.Answer(nil, r)
	switch {
	case !ok:
		f.later = nil
		return false
	case f.later != nil:
		c.wait()
	case f.carrier != nil:
		c.carry()
	default:
		c.reply(response, r.Last)
	}
	return true
}

// reply queues the response to a request.
func (c *conn) reply(response []byte, last bool) {
	c.push(channels.ControlFrame(response))
	c.front.blanks = mostBlanks
	c.loop.spare(c)
	if last {
		c.hangUp()
	}
}

// hangUp ends a connection after the queued answer.
func (c *conn) hangUp() {
	c.state, c.deaf = connClosing, true
	c.loop.schedule(c, c.loop.after(c.loop.server.closeTimeout()))
}

// unavailable refuses a request that arrived too late. r is nil if the request is
// unknown.
func (c *conn) unavailable(r *Request) {
	if c.front.leaving {
		c.front.leaving = false
		c.link.resume(c)
	}
	c.front.settle()
	c.push(channels.ControlFrame(c.front.cfg.Door.Unavailable(nil, c.front.remote, r)))
	c.loop.spare(c)
	c.hangUp()
}

// leaving reports whether the connection is on its way to net/http. The loop reads
// nothing more from it.
func (c *conn) leaving() bool { return c.front != nil && c.front.leaving }

// idle reports whether no part of a request has arrived and no answer is pending.
func (c *conn) idle() bool {
	return c.front != nil && c.state == connOpen && !c.leaving() && !c.waits() && !c.carrying() && len(c.in) == 0 && c.queue.bytes == 0
}

// fresh reports whether another process has taken over and the connection has not
// sent its first request: its client does not know of the other process.
func (c *conn) fresh() bool {
	return c.front != nil && c.front.counted && c.state == connOpen && c.loop.server.succeeded.Load()
}

// await sets the deadline for the rest of a request or, if rest is empty, for the
// next request. Data that arrives does not extend a deadline.
func (c *conn) await(handled int, rest []byte) {
	f := c.front
	body := bytes.Contains(rest, endOfHead)
	begun := len(rest) > 0 || f.counted
	if handled > 0 || !f.begun {
		f.since = c.loop.clock
	}
	switch {
	case body && (handled > 0 || !f.body):
		c.within(f.cfg.BodyTimeout)
	case !begun:
		idle, _ := f.cfg.Door.Patience(f.remote.Addr(), f.cfg.IdleTimeout)
		c.within(idle)
	case !body && (handled > 0 || !f.begun):
		c.within(f.cfg.HeaderTimeout)
	}
	f.begun, f.body = begun, body
}

// within sets a new deadline for a connection that is not a WebSocket. An earlier
// entry in the wheel stays and is checked against the new deadline: a client that
// sends head and body separately has two deadlines per request, and would otherwise
// add two entries.
func (c *conn) within(d time.Duration) {
	c.front.deadline = c.loop.after(d)
	if c.due <= c.loop.wheel.last || c.due > c.front.deadline {
		c.loop.schedule(c, c.front.deadline)
	}
}

// late ends a connection whose deadline has passed. If the head of a request has
// arrived, net/http answers it, and reads no more than what has arrived. A
// connection that only waits to be handed over to net/http gets a new deadline.
func (c *conn) late() {
	switch {
	case c.carrying():
		if c.queue.bytes > 0 {
			c.die()
		}
	case c.waits():
		c.conclude(c.front.later, channels.ErrDoubt)
	case c.leaving() && c.queue.bytes == 0:
		c.within(c.loop.server.closeTimeout())
	case !c.front.body || c.front.leaving:
		c.die()
	default:
		c.front.cut = true
		c.leave(nil)
	}
}

// leave hands the connection over to net/http after the queued data is written. r is
// its request, or nil if that is unknown.
func (c *conn) leave(r *Request) {
	if c.loop.front == nil {
		c.unavailable(r)
		return
	}
	c.front.settle()
	c.front.leaving = true
	c.loop.unspare(c)
	switch {
	case c.queue.bytes == 0:
		c.loop.end(c)
	case c.armed:
		c.link.resume(c)
	}
	c.within(c.loop.server.closeTimeout())
}

// appendSwitching appends the answer that opens a WebSocket (RFC 6455 §4.2.2).
func appendSwitching(dst, nonce []byte) []byte {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	var text [64]byte
	sum := sha1.Sum(append(append(text[:0], nonce...), guid...)) //nolint:gosec // see the import
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = base64.StdEncoding.AppendEncode(dst, sum[:])
	return append(dst, "\r\n\r\n"...)
}
