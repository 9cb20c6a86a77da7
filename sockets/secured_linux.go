package sockets

import (
	"bytes"
	"crypto/tls"
	"net/netip"

	"golang.org/x/sys/unix"

	"fanfare/internal/account"
)

// securedLink is the link of a connection over TLS that a loop has. Of the loop it
// is the link, of its tls.Conn what that reads and writes (see securedwire_linux.go).
//
// A frame counts as written when the kernel has the whole record that it went
// into: bounds of queues and counts of bytes are of what is said, not of what
// that takes encrypted.
type securedLink struct {
	*epoll
	conn     *tls.Conn
	records  *bytes.Buffer // of conn, see buffersOf
	messages *bytes.Buffer
	come     []byte // ciphertext for conn to read
	rest     []byte // ciphertext that the kernel has not taken, from gone on
	gone     int
	entered  int // bytes of rest in the account
	from     netip.Addr
	fd       int
	kept     int    // bytes in which conn keeps what is not whole
	since    uint32 // second in which that began
	failed   unix.Errno
	dropped  bool // what is not whole was given up, and nothing can be decrypted behind it
	renews   bool // the client may ask for new keys: it speaks TLS 1.3
	mute     bool // close_notify was sent, or must not be: nothing else is sent
	shut     bool // the sending side ends behind rest
}

const (
	// mostPlain is what a record holds at most, and so one write. What waits of a
	// slow reader's record is its own, unlike frames.
	mostPlain = 16 << 10
	// mostRest bounds rest. Behind a record wait the answers to a client that asks
	// for new keys again and again and does not read them.
	mostRest = 24 << 10
)

// flush implements link.
func (s *securedLink) flush(c *conn) {
	for c.state != connDead && s.drain(c) {
		if c.queue.flight > 0 { // it was in rest
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

// disarm says that nothing waits any more.
func (s *securedLink) disarm(c *conn) {
	c.queue.leave(&s.loop.frames) // it may have been entered for rest alone
	if c.armed {
		c.armed = false
		s.rewatch(c)
	}
}

// drain writes rest, and reports whether nothing is left of it.
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

// enterRest keeps the account of what waits encrypted.
func (s *securedLink) enterRest(c *conn) {
	if n := cap(s.rest); n != s.entered {
		c.account().Resize(account.Queues, n-s.entered)
		s.entered = n
	}
}

// finish implements link: close_notify, then the end of the sending side. flush,
// which has called this, sees to the rest.
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

// release implements link. Who has sent nothing but close_notify behind its last
// frame would take the end of TCP alone for a truncation (RFC 8446 §6.1).
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
	s.since = s.loop.now // as that of the connection
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
