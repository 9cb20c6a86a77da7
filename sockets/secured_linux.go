package sockets

import (
	"bytes"
	"crypto/tls"
	"net/netip"

	"golang.org/x/sys/unix"

	"fanfare/internal/account"
)

// securedLink is the link of a TLS connection on a loop. It is also the net.Conn that
// the tls.Conn reads and writes (see securedwire_linux.go).
//
// A frame counts as written when the kernel has accepted the whole record that contains
// it. The limits of queues and the counts of bytes refer to plain text.
type securedLink struct {
	*epoll
	conn     *tls.Conn
	records  *bytes.Buffer // of conn, see buffersOf
	messages *bytes.Buffer
	come     []byte // ciphertext for conn to read
	rest     []byte // ciphertext, of which the kernel has not accepted the part from gone on
	gone     int
	entered  int // bytes of rest in the account
	from     netip.Addr
	fd       int
	kept     int    // bytes of the buffers in which conn keeps incomplete records and handshake messages
	since    uint32 // second in which the incomplete record began
	failed   unix.Errno
	dropped  bool // an incomplete record was dropped, so nothing after it can be decrypted
	renews   bool // TLS 1.3 is used, in which the client may request new keys
	mute     bool // close_notify was sent, or must not be sent; nothing else is sent either
	shut     bool // the sending side is shut down when rest is sent
}

const (
	// mostPlain is the maximum plain text of a record, and of one write. The record
	// that waits for a slow reader is not shared with others, as frames are.
	mostPlain = 16 << 10
	// mostRest limits rest. After a record, it can hold answers to a client that
	// requests new keys again and again and does not read the answers.
	mostRest = 24 << 10
)

// flush implements link.
func (s *securedLink) flush(c *conn) {
	for c.state != connDead && s.drain(c) {
		if c.queue.flight > 0 { // these bytes were in rest
			c.written(c.queue.flight)
			continue
		}
		if c.queue.bytes == 0 {
			s.disarm(c)
			return
		}
		out := c.queue.gather(s.loop.scratch[:mostPlain])
		out = out[:min(len(out), mostPlain)]
		c.queue.depart(len(out))
		if _, err := s.conn.Write(out); err != nil {
			c.lose(byNetwork, lossReason(err))
		} else if s.failed == 0 && len(s.rest) == 0 {
			c.written(len(out))
		}
	}
}

// disarm is called when nothing waits to be sent any more.
func (s *securedLink) disarm(c *conn) {
	c.queue.leave(&s.loop.frames) // it may have been entered only because of rest
	if c.armed {
		c.armed = false
		s.rewatch(c)
	}
}

// drain writes rest, and reports whether all of it is written.
func (s *securedLink) drain(c *conn) bool {
	if len(s.rest) > 0 && s.failed == 0 {
		if s.gone += s.send(s.rest[s.gone:]); s.gone == len(s.rest) {
			s.rest, s.gone = nil, 0
		}
	}
	s.enterRest(c)
	switch waits := len(s.rest) - s.gone; {
	case s.failed != 0:
		c.lose(byNetwork, s.failed.Error())
	case waits > mostRest:
		c.lose(byServer, "it asks for new keys and does not read them")
	case waits > 0:
		s.block(c)
	default:
		if s.shut {
			s.shut = false
			_ = unix.Shutdown(s.fd, unix.SHUT_WR)
		}
		return true
	}
	return false
}

// enterRest updates the entry of rest in the account.
func (s *securedLink) enterRest(c *conn) {
	if n := cap(s.rest); n != s.entered {
		c.account().Resize(account.Queues, n-s.entered)
		s.entered = n
	}
}

// finish implements link. It sends close_notify. flush, which has called finish, then
// shuts the sending side down.
func (s *securedLink) finish(*conn) {
	if !s.mute {
		s.farewell()
		s.shut = true
	}
}

// farewell sends close_notify.
func (s *securedLink) farewell() {
	_ = s.conn.CloseWrite()
	s.mute = true
}

// release implements link. A client regards an end of TCP without close_notify as a
// truncation (RFC 8446 §6.1).
func (s *securedLink) release(c *conn) {
	if !s.mute && s.failed == 0 && len(s.rest) == 0 {
		s.farewell()
	}
	s.rest = nil
	s.enterRest(c)
	s.epoll.release(c)
}

// resume implements link.
func (s *securedLink) resume(c *conn) {
	s.since = s.loop.now // as unpause does with that of the connection
	s.epoll.resume(c)
}

// size implements link.
func (s *securedLink) size() int { return securedBytes }

// address implements link.
func (s *securedLink) address(c *conn) netip.Addr {
	if s.from.IsValid() {
		return s.from
	}
	return s.epoll.address(c)
}
