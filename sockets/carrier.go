package sockets

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"fanfare/channels"
)

// carryPiece is how many bytes a client has to accept within Carriage.Within.
const carryPiece = 32 << 10

// mostHead is the room for the head of a response, and for what surrounds a chunk.
const mostHead = 512

var (
	errLeft  = errors.New("the client has disconnected")
	lastPart = []byte("0\r\n\r\n")
)

// Carriage is an accepted request for the output of a session, to which the
// session's loop writes the response.
type Carriage struct {
	Receive  *Receive
	Response CarriedResponse
	Within   time.Duration // the time in which the client has to accept carryPiece bytes
}

// CarriedResponse is the part of a response that httpapi knows.
type CarriedResponse interface {
	// AppendHead appends the head of the response. length is that of the body, or -1
	// if the body is in the chunked transfer coding. last reports whether the
	// connection ends with the response.
	AppendHead(dst []byte, length int, last bool) []byte
	// Done is called once when the response has ended, complete or not, with the
	// bytes of its body. It is called on the loop, or in Carry if Carry refuses.
	Done(body int64)
}

// carrier is the state of a connection that carries a session's response. It
// belongs to the loop of the session, which also owns the connection.
type carrier struct {
	Carriage
	session *conn
	polled  Receive // what Receive points to if the loop has read the request
	rest    []byte  // the part of the current chunk that is not queued yet
	piece   int     // queued bytes of the body
	body    int64   // written bytes of the body
	begun   bool    // the head is queued
	last    bool    // and says that the connection ends
	ended   bool    // the session sends nothing more
	closed  bool    // the end of the response is queued
}

// carrying reports whether the connection carries a session's response.
func (c *conn) carrying() bool { return c.front != nil && c.front.carrier != nil }

// say queues a chunk of the response. The session is notified when it is written.
// chunk may be changed afterwards.
func (c *conn) say(chunk []byte) {
	w := c.front.carrier
	w.rest = chunk
	c.sayPiece()
	w.rest = bytes.Clone(w.rest)
}

// sayPiece queues the next piece of the current chunk. In a stream it is a chunk of
// the transfer coding (RFC 9112 §7.1). The first chunk of a poll is its whole body.
func (c *conn) sayPiece() {
	w := c.front.carrier
	length, n := len(w.rest), min(len(w.rest), carryPiece)
	b := make([]byte, 0, mostHead+n)
	if w.Receive.streaming {
		length = -1
	}
	if !w.begun {
		b = c.appendHead(b, length)
	}
	if w.Receive.streaming {
		b = append(strconv.AppendInt(b, int64(n), 16), "\r\n"...)
		b = append(append(b, w.rest[:n]...), "\r\n"...)
	} else {
		b = append(b, w.rest[:n]...)
	}
	w.rest, w.piece = w.rest[n:], n
	if len(w.rest) == 0 {
		w.rest = nil // which would keep the whole chunk
	}
	c.push(channels.ControlFrame(b))
	c.within(w.Within)
}

// appendHead appends the head of the response. Since the request was read, there may
// have come too many connections, or a successor.
func (c *conn) appendHead(dst []byte, length int) []byte {
	w := c.front.carrier
	_, full := c.front.cfg.Door.Patience(c.front.remote.Addr(), 0)
	w.begun, w.last = true, full || c.loop.front == nil
	return w.Response.AppendHead(dst, length, w.last)
}

// sayNoMore ends the response behind what is queued.
func (c *conn) sayNoMore() {
	w := c.front.carrier
	w.ended = true
	if w.piece > 0 || w.closed || c.state != connOpen {
		return
	}
	w.closed = true
	end := lastPart
	switch {
	case !w.begun:
		end = c.appendHead(nil, 0)
	case !w.Receive.streaming:
		return // its length was sent, and carried sees that all is written
	}
	c.push(channels.ControlFrame(end))
	c.within(w.Within)
}

// carried goes on when what was queued of the response is written.
func (c *conn) carried() {
	w := c.front.carrier
	w.body += int64(w.piece)
	said := w.piece > 0
	w.piece = 0
	if len(w.rest) > 0 {
		c.sayPiece()
		return
	}
	if said && w.session.state != connDead { // which may have more to say, or end it
		w.session.link.(*httpSession).written(w.session, w.Receive, nil)
	}
	if w.ended {
		c.sayNoMore()
	}
	if w.closed && c.queue.bytes == 0 && c.state == connOpen {
		c.setDown()
	}
}

// dropCarried says that the connection ends with the response under way.
func (c *conn) dropCarried() {
	w := c.front.carrier
	c.front.carrier = nil
	w.Receive.carrier = nil
	w.Response.Done(w.body)
	s := w.session
	s.lane.Post(channels.Call(func() {
		if s.state != connDead {
			s.link.(*httpSession).detach(s, w.Receive, errLeft)
		}
	}))
}
