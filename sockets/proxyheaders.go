package sockets

import (
	"errors"
	"net/netip"
	"time"

	"fanfare/channels"
)

// Expectation says whether a connection begins with a PROXY header.
type Expectation uint8

const (
	NoProxyHeader   Expectation = iota // it begins with what the client sends
	MayProxyHeader                     // it begins with a header or with what the client sends
	MustProxyHeader                    // without a header it is refused
)

// ProxyHeaders says which connections begin with a PROXY header, version 1 or 2.
// Once the header is read, the connection counts as that of the client in the
// header.
type ProxyHeaders struct {
	// Expect decides about a connection, by the address that it comes from.
	Expect func(netip.Addr) Expectation
	// Refused is called for a connection whose header is missing or malformed.
	// It returns the complete answer.
	Refused func(netip.Addr, error) []byte
	// Timeout is the time allowed to send the header where no loop accepts the
	// connection. Loops allow FrontConfig.HeaderTimeout for the header and the
	// head of the first request together.
	Timeout func() time.Duration
}

// takeProxyHeader reads the PROXY header at the start of b and returns its length,
// or 0 if there is none or more of it has to arrive. It may refuse the connection.
func (c *conn) takeProxyHeader(b []byte) (used int) {
	f := c.front
	h, size, err := readProxyHeader(b)
	switch {
	case errors.Is(err, errNoProxyHeader) && f.expects == MayProxyHeader:
		f.expects = NoProxyHeader
		return 0
	case err != nil:
		c.turnBack(f.cfg.ProxyHeaders.Refused(f.remote.Addr(), err))
		return len(b)
	case size == 0:
		return 0
	}
	f.expects, f.secure = NoProxyHeader, h.secure
	if !h.source.IsValid() {
		return size
	}
	f.leave() // it was counted as the proxy's
	f.remote = h.source
	if !f.cfg.Door.Admit(f.remote.Addr()) {
		c.turnBack(f.cfg.Door.TooMany())
		return len(b)
	}
	f.held, f.counted = true, true
	return size
}

// turnBack ends a connection with an answer, before it has sent a request.
func (c *conn) turnBack(answer []byte) {
	c.front.leave()
	c.push(channels.ControlFrame(answer))
	c.loop.spare(c)
	c.hangUp()
}
