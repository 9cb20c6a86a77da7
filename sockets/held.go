package sockets

import (
	"crypto/tls"

	"fanfare/internal/account"
)

// Bytes of memory that an idle socket takes: its connection and session, its entries
// in the slots and in the timing wheel, and the state of its link. Memory of the
// kernel is not included. A test measures them.
const (
	epollBytes   = 420
	streamBytes  = 3000  // most of it is the stack of the goroutine that reads
	tlsBytes     = 12500 // with goroutines
	securedBytes = 3800  // TLS on a loop
	sessionBytes = 600
)

// enter enters the socket in the account: that of its app if it has a session.
func (c *conn) enter() {
	c.entered = true
	c.account().Hold(account.Sockets, c.link.size())
}

// unenter undoes enter.
func (c *conn) unenter() {
	if c.entered {
		c.entered = false
		c.account().Release(account.Sockets, c.link.size())
	}
}

// size implements link.
func (s *stream) size() int {
	size := streamBytes
	if _, ok := s.conn.(*tls.Conn); ok {
		size = tlsBytes
	}
	if s.large {
		size += streamRead
	}
	return size
}

// size implements link.
func (*httpSession) size() int { return sessionBytes }
