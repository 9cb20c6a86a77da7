package sockets

import (
	"net/netip"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// conn is one WebSocket connection. Only its loop touches it.
type conn struct {
	channels.Session
	loop  *loop
	lane  *lane // of the app
	link  link
	queue queue
	front *front // until the connection is a WebSocket; nil without a Front

	in      []byte   // the start of a frame or request that has not arrived whole
	partial *partial // the current message, nil between two

	slot       int32
	older      int32 // neighbours on the loop's list of spare connections
	newer      int32
	fd         int32  // epoll link only
	active     uint32 // second of the client's last sign of life
	opened     uint32 // second
	pinged     uint32 // second of the ping that waits for an answer, 0 if none
	due        uint32 // second of the timing wheel's entry that counts
	since      uint32 // second in which the frame in in began
	limit      int32  // maximum bytes of one message
	state      connState
	deaf       bool   // after a violation: what arrives is ignored
	parted     bool   // the peer has sent its close frame
	dirty      bool   // on the loop's list to be written
	blocked    bool   // the link cannot write, and flushes when it can again
	armed      bool   // epoll link only: EPOLLOUT is in the set
	paused     bool   // not read while its app is under pressure
	unread     bool   // was paused, and has sent something that is not read yet
	pace       pace   // epoll link only
	ending     bool   // on the loop's list of ended connections
	discounted bool   // not one of the server's sockets any more
	seated     bool   // has one of the places for open sockets
	spare      bool   // on the loop's list of spare connections
	held       bool   // waits without a session for the end of the process
	entered    bool   // in the account
	switching  bool   // the first item of the queue answers the handshake and is no frame
	received   uint64 // bytes received from the client
	sent       uint64 // bytes taken by the link
}

type connState uint8

const (
	connOpen    connState = iota
	connClosing           // a close frame is queued or sent; waits for the peer's
	connDead              // to be buried at the end of a turn
)

// pace is how a connection is read.
type pace uint8

const (
	steady pace = iota
	greedy      // sends faster than its share is read
	behind      // is on the list of those to be read in a later turn
)

// link writes a connection's bytes and closes its socket. Only the loop calls it.
type link interface {
	// flush writes as much of the queue as the peer accepts. If that is not all,
	// the link sets blocked and flushes again when it can write.
	flush(c *conn)
	// finish ends the sending side, after the last byte was written.
	finish(c *conn)
	// release closes the socket.
	release(c *conn)
	// farewellFrame is the frame that closes the connection with a code.
	farewellFrame(code int, reason string) *channels.Frame
	// reachable reports whether a close frame could be sent at once.
	reachable() bool
	// linger is how many seconds a closing connection waits for the peer to
	// accept the close frame.
	linger(c *conn) uint32
	// expire checks whether the client of an open connection is still alive and
	// returns the second of the next check, or 0 if it closed the connection.
	expire(c *conn, now uint32) uint32
	// resume continues reading after a pause.
	resume(c *conn)
	// size is how many bytes of memory a connection with this link takes.
	size() int
	// address is the peer's address. It is used in log lines only.
	address(c *conn) netip.Addr
}

// Send implements channels.Conn.
func (c *conn) Send(f *channels.Frame) {
	if c.state != connOpen {
		return
	}
	c.push(f)
	limit := int(c.loop.server.queueBytes.Load())
	if !c.queue.over(limit) {
		return
	}
	if !c.blocked {
		c.link.flush(c) // the queue may have grown in this turn only
	}
	if c.queue.over(limit) && c.state == connOpen {
		c.overflow()
	}
}

func (c *conn) push(f *channels.Frame) {
	c.queue.push(f, &c.loop.frames)
	switch {
	case c.blocked:
		c.slow()
	case !c.dirty:
		c.dirty = true
		c.lane.touch(c)
	}
}

// slow enters the queued bytes in the account: the link accepts no more for now.
func (c *conn) slow() { c.queue.enter(c.account(), &c.loop.frames) }

// overflow ends a connection that reads too slowly. What it has not read is
// dropped, so that there is room for the close frame.
func (c *conn) overflow() {
	c.loop.counters.SlowReaders.Add(1)
	c.loop.server.hub.RefusedFor(c.appID(), pusherproto.CodeOverCapacity, channels.ReasonSlowReader)
	c.queue.cut()
	c.Close(pusherproto.CodeOverCapacity, slowReader)
}

// Close implements channels.Conn. It queues a close frame after the queued
// messages and ends the session. The TCP connection ends when the peer has
// answered.
func (c *conn) Close(code int, reason string) { c.close(byServer, code, reason) }

func (c *conn) close(by string, code int, reason string) {
	if c.state != connOpen {
		return
	}
	c.noteClose(by, code, reason)
	c.push(c.link.farewellFrame(code, reason))
	c.state = connClosing
	if _, over := c.link.(*httpSession); !over {
		c.loop.spare(c)
	}
	c.loop.schedule(c, c.loop.now+c.link.linger(c))
	c.loop.end(c)
	c.unpause()
}

// die ends a connection without a close frame.
func (c *conn) die() { c.lose(byNetwork, "the connection failed") }

// lose is die with the cause and reason that are logged for an open session.
func (c *conn) lose(by, reason string) {
	c.noteClose(by, codeLost, reason)
	c.state = connDead
	c.loop.end(c)
}

// written is called by the link when the kernel has accepted n bytes.
func (c *conn) written(n int) {
	frames := c.queue.taken(n, &c.loop.frames)
	if c.front == nil {
		if c.switching && frames > 0 {
			c.switching = false
			frames--
		}
		traffic := c.traffic()
		traffic.FramesSent.Add(uint64(frames))
		traffic.BytesSent.Add(uint64(n))
		c.sent += uint64(n)
		c.loop.counters.Writes.Add(1)
	}
	if c.queue.bytes > 0 {
		return
	}
	switch {
	case c.state == connClosing && c.parted:
		c.die()
	case c.state == connClosing:
		c.link.finish(c)
	case c.leaving():
		c.loop.end(c) // handed over at the end of a turn
	case c.carrying():
		c.carried()
	}
}

// traffic returns the counters of the connection's bytes.
func (c *conn) traffic() *channels.Traffic {
	if t := c.Traffic(); t != nil {
		return t
	}
	return &c.loop.counters.Traffic // it is being refused
}

// appID is "" if the session was not opened.
func (c *conn) appID() string {
	if app := c.App(); app != nil {
		return app.ID
	}
	return ""
}

// parse handles the whole frames at the start of b and returns their length.
func (c *conn) parse(b []byte) (used int) {
	if c.front != nil {
		if used = c.request(b); c.front != nil {
			return used
		}
	}
	for c.state != connDead {
		if c.partial != nil && c.partial.left > 0 {
			n, bad := c.skip(b[used:])
			if bad != nil {
				c.violate(bad)
				return len(b)
			}
			if used += n; used == len(b) {
				return used
			}
		}
		h, ok, bad := parseHeader(b[used:], c.reach())
		if bad != nil {
			c.violate(bad)
			return len(b)
		}
		if !ok {
			return used
		}
		if h.body > c.room() && !h.op.IsControl() {
			used += h.size
			c.loop.parsed++
			bad := c.exceed(h)
			if bad == nil && h.body == 0 {
				_, bad = c.skip(nil)
			}
			if bad != nil {
				c.violate(bad)
				return len(b)
			}
			continue
		}
		if len(b)-used < h.size+h.body {
			return used
		}
		payload := b[used+h.size : used+h.size+h.body]
		used += h.size + h.body
		c.loop.parsed++
		ws.Cipher(payload, h.mask, 0)
		if c.state == connClosing {
			if h.op == ws.OpClose {
				c.part()
			}
			continue
		}
		if bad := c.frame(h, payload); bad != nil {
			c.violate(bad)
			return len(b)
		}
	}
	return len(b)
}

func (c *conn) violate(v *violation) {
	c.deaf = true
	if c.state == connClosing {
		return
	}
	c.loop.server.hub.RefusedFor(c.appID(), int(v.code), "")
	c.Close(int(v.code), v.reason)
}

// frame handles one unmasked frame (RFC 6455 §5.4, §5.5).
func (c *conn) frame(h header, payload []byte) *violation {
	switch h.op {
	case ws.OpPing:
		c.Send(channels.ControlFrame(ws.MustCompileFrame(ws.NewPongFrame(payload))))
		return nil
	case ws.OpPong:
		return nil
	case ws.OpClose:
		return c.closed(payload)
	}
	if bad := c.misplaced(h); bad != nil {
		return bad
	}
	if !h.fin || c.partial != nil {
		if c.partial == nil {
			c.partial = &partial{since: c.loop.now}
		}
		c.partial.kept = append(c.partial.kept, payload...)
		if !h.fin {
			return nil
		}
		payload = c.partial.kept
		c.partial = nil
	}
	if !utf8.Valid(payload) {
		return notUTF8()
	}
	c.traffic().MessagesReceived.Add(1)
	c.Receive(payload)
	return nil
}

// misplaced returns the violation of a data frame that is not allowed here, or nil.
func (c *conn) misplaced(h header) *violation {
	switch {
	case h.op == ws.OpBinary:
		return &violation{ws.StatusUnsupportedData, "binary messages are not supported"}
	case h.op == ws.OpContinuation && c.partial == nil:
		return &violation{ws.StatusProtocolError, "continuation frame without a message to continue"}
	case h.op == ws.OpText && c.partial != nil:
		return &violation{ws.StatusProtocolError, "new message inside a fragmented one"}
	default:
		return nil
	}
}

// lastCloseCode is the greatest there is (RFC 6455 §7.4.2).
const lastCloseCode = 4999

// closed handles the client's close frame: it is answered with the same code.
func (c *conn) closed(payload []byte) *violation {
	code, reason := ws.StatusNormalClosure, ""
	if len(payload) > 0 {
		if len(payload) < 2 {
			return &violation{ws.StatusProtocolError, "close frame with a payload of one byte"}
		}
		code, reason = ws.ParseCloseFrameData(payload)
		if ws.CheckCloseFrameData(code, reason) != nil || code > lastCloseCode {
			return &violation{ws.StatusProtocolError, "the close frame has a bad code or reason"}
		}
	}
	c.close(byClient, int(code), reason)
	c.part()
	return nil
}

// part ends a connection whose peer has sent its close frame, once our own close
// frame is written too: both may have been sent at the same time.
func (c *conn) part() {
	c.deaf, c.parted = true, true
	if c.queue.bytes == 0 {
		c.die()
		return
	}
	c.link.flush(c)
}
