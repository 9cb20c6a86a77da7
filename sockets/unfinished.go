package sockets

import (
	"time"

	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// A message of which a part is missing has a deadline, and is in the account. A
// WebSocket keeps nothing else of what its client sent from one turn to the
// next.

// partialSize is what a fragmented message takes beside its bytes.
const partialSize = 128

// unfinished is how many bytes the connection has allocated for such a message.
// What a request takes is not counted here.
func (c *conn) unfinished() int {
	if c.front != nil {
		return 0
	}
	n := cap(c.in)
	if c.partial != nil {
		n += partialSize + cap(c.partial.kept) + c.partial.outline.Size()
	}
	return n
}

// keep enters what is kept now of a message, where was bytes were kept before,
// and sees to its deadline.
func (c *conn) keep(was int) {
	is, a := c.unfinished(), c.account()
	switch {
	case was == 0 && is > 0:
		a.Hold(account.Messages, is)
	case is == 0 && was > 0:
		a.Release(account.Messages, was)
	case is != was:
		a.Resize(account.Messages, is-was)
	}
	// An earlier look stands, and finds out: a client that sends each message in
	// pieces would have an entry in the wheel for each.
	if at := c.overdue(); at > 0 && c.due > at && c.state == connOpen {
		c.loop.schedule(c, at)
	}
}

// forget drops what is kept of a message.
func (c *conn) forget() {
	if was := c.unfinished(); was > 0 {
		c.in, c.partial = nil, nil
		c.keep(was)
	}
}

// overdue is the second from which the message of which a part is missing is
// too late, 0 if there is none. It does not depend on how little of it has come
// since it began.
func (c *conn) overdue() uint32 {
	within := seconds(time.Duration(c.loop.server.messageWithin.Load())) + 1 // see after
	switch {
	case c.partial != nil:
		return c.partial.since + within
	case len(c.in) > 0:
		return c.since + within
	default:
		return 0
	}
}

// giveUp ends a connection whose message is not whole in time. The client may
// come back, but not at once: what it could not get through now, it would send
// again.
func (c *conn) giveUp() {
	c.FailFor(channels.ReasonMessageTimeout, pusherproto.CodeOverCapacity, "A message did not arrive whole in time")
}

// account is where what the connection holds is entered: that of its app, or
// of the process if the session was refused.
func (c *conn) account() *account.Account {
	if a := c.Account(); a != nil {
		return a
	}
	return c.loop.server.cfg.Account
}
