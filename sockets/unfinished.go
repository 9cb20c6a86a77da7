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
	n := cap(c.in) + c.sealed()
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
	if is > was && is > smallMessage && c.loop.server.unfinishedAbove(mostUnfinished) {
		c.drop()
		return
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
		c.unseal()
		c.keep(was)
	}
}

// begun is the second in which the message began of which a part is missing, 0
// if there is none.
func (c *conn) begun() uint32 {
	switch {
	case c.partial != nil:
		return c.partial.since
	case len(c.in) > 0:
		return c.since
	default:
		return c.sealedSince()
	}
}

// overdue is the second from which the message of which a part is missing is
// too late, 0 if there is none. It does not depend on how little of it has come
// since it began.
func (c *conn) overdue() uint32 {
	begun := c.begun()
	if begun == 0 {
		return 0
	}
	return begun + seconds(time.Duration(c.loop.server.messageWithin.Load())) + 1 // see after
}

// Where the memory has a limit, unfinished messages take a quarter of what may
// be held at most. From an eighth on those that began longer ago than a moment
// are dropped, so that the others' can come whole. Small ones take little more
// than their socket, and stay.
const (
	mostUnfinished = 4
	manyUnfinished = 8
	smallMessage   = 4 << 10
	aMoment        = 2 // seconds
)

// unfinishedAbove reports whether unfinished messages take more than one of so many
// parts of what may be held.
func (s *Server) unfinishedAbove(parts int64) bool {
	a := s.cfg.Account
	most := a.Most()
	return most > 0 && a.BytesOf(account.Messages) > most/parts
}

// dropUnfinished drops messages that take long while there are many.
func (l *loop) dropUnfinished() {
	if !l.server.unfinishedAbove(manyUnfinished) {
		return
	}
	l.sockets(func(c *conn) bool {
		if c.state == connOpen && !c.unread && c.unfinished() > smallMessage && l.now > c.begun()+aMoment {
			c.drop()
		}
		return true
	})
}

// drop ends a connection of whose message there is no memory for the rest.
func (c *conn) drop() {
	c.FailFor(channels.ReasonMemory, channels.NoMemory.Code, channels.NoMemory.Message)
	c.deaf = true
	c.forget()
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
	if c.carrying() {
		return c.front.carrier.session.account()
	}
	return c.loop.server.cfg.Account
}
