package sockets

import (
	"errors"
	"strconv"
	"time"

	"fanfare/channels"
)

// carryPiece is what a client has Carriage.Within to accept.
const carryPiece = 32 << 10

var (
	errLeft  = errors.New("the client has left")
	lastPart = []byte("0\r\n\r\n")

	// How the head of a response ends, as net/http ends it: of one with a body, and of
	// one that has ended before there was any.
	inChunks = []byte("Transfer-Encoding: chunked\r\n\r\n")
	noBody   = []byte("Content-Length: 0\r\n\r\n")
)

// Carriage is an accepted request for a stream that the session's loop takes over
// from net/http, to write the response.
type Carriage struct {
	Receive *Receive
	Head    []byte        // of the response but for its length, and for the end of the head
	Within  time.Duration // to accept carryPiece
	// Done is called once when the response has ended, complete or not, with the
	// bytes of its body. It is called on the loop, or in Carry if Carry refuses.
	Done func(body int64)
}

// carrier is the state of a connection that carries a session's response. It
// belongs to the session's loop, which is the connection's too.
type carrier struct {
	Carriage
	session *conn
	rest    []byte // of the chunk in hand, what is not queued
	piece   int    // bytes of the body that are queued
	body    int64  // that are written
	ended   bool   // the session says no more
	closed  bool   // and the end of the response is queued
}

// carrying reports whether the connection carries a session's response.
func (c *conn) carrying() bool { return c.front != nil && c.front.carrier != nil }

// say queues a chunk of the response. The session is notified when it is written.
func (c *conn) say(chunk []byte) {
	w := c.front.carrier
	if w.Head != nil {
		c.push(channels.ControlFrame(append(w.Head, inChunks...)))
		w.Head = nil
	}
	w.rest = chunk
	c.sayPiece()
}

// sayPiece queues the next piece of the chunk in hand, as a chunk of the
// transfer coding (RFC 9112 §7.1).
func (c *conn) sayPiece() {
	w := c.front.carrier
	n := min(len(w.rest), carryPiece)
	b := make([]byte, 0, n+len("8000\r\n\r\n"))
	b = append(strconv.AppendInt(b, int64(n), 16), "\r\n"...)
	b = append(append(b, w.rest[:n]...), "\r\n"...)
	w.rest, w.piece = w.rest[n:], n
	if len(w.rest) == 0 {
		w.rest = nil // which would keep the whole chunk
	}
	c.push(channels.ControlFrame(b))
	c.within(w.Within)
}

// sayNoMore ends the response behind what is queued.
func (c *conn) sayNoMore() {
	w := c.front.carrier
	w.ended = true
	if w.piece == 0 && !w.closed && c.state == connOpen {
		w.closed = true
		end := lastPart
		if w.Head != nil {
			end = append(w.Head, noBody...)
			w.Head = nil
		}
		c.push(channels.ControlFrame(end))
		c.within(w.Within)
	}
}

// carried goes on when what was queued of the response is written.
func (c *conn) carried() {
	w := c.front.carrier
	w.body += int64(w.piece)
	said := w.piece > 0
	w.piece = 0
	switch {
	case len(w.rest) > 0:
		c.sayPiece()
		return
	case w.closed:
		c.setDown()
		return
	case w.ended:
		c.sayNoMore()
	}
	if said && w.session.state != connDead {
		w.session.link.(*httpSession).written(w.session, w.Receive, nil)
	}
}

// dropCarried says that the connection ends with the response under way.
func (c *conn) dropCarried() {
	w := c.front.carrier
	c.front.carrier = nil
	w.Receive.carrier = nil
	w.Done(w.body)
	s := w.session
	s.lane.Post(channels.Call(func() {
		if s.state != connDead {
			s.link.(*httpSession).detach(s, w.Receive, errLeft)
		}
	}))
}
