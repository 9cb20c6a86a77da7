package sockets

import (
	"time"

	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// A message that has arrived only in part is called unfinished. It has a deadline, and is
// entered in the account. A WebSocket keeps nothing else of what its client sent from one
// turn to the next.

// partialSize is the memory that a fragmented message takes besides its bytes.
const partialSize = 128

// unfinished returns how many bytes the connection has allocated for an unfinished
// message. Requests are not counted here.
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

// keep updates the account and the deadline after the bytes of the unfinished message
// changed. was is the former result of unfinished.
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
	// An earlier entry in the wheel stays, and its check finds this deadline. A client
	// that sends each message in pieces would otherwise add an entry for each.
	if at := c.overdue(); at > 0 && c.due > at && c.state == connOpen {
		c.loop.schedule(c, at)
	}
}

// forget drops the unfinished message.
func (c *conn) forget() {
	if was := c.unfinished(); was > 0 {
		c.in, c.partial = nil, nil
		c.unseal()
		c.keep(was)
	}
}

// begun returns the second in which the unfinished message began, or 0 if there is
// none.
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

// overdue returns the second from which the unfinished message is too late, or 0 if
// there is none. Data that arrives does not extend the time.
func (c *conn) overdue() uint32 {
	begun := c.begun()
	if begun == 0 {
		return 0
	}
	return begun + seconds(time.Duration(c.loop.server.messageWithin.Load())) + 1 // see after
}

// With a memory limit, unfinished messages take at most 1/mostUnfinished of what may be
// held. Above 1/manyUnfinished, those that began more than aMoment ago are dropped, so
// that the others can arrive completely. Small ones take little more memory than their
// socket, and are kept.
const (
	mostUnfinished = 4
	manyUnfinished = 8
	smallMessage   = 4 << 10
	aMoment        = 2 // seconds
)

// unfinishedAbove reports whether unfinished messages take more than 1/parts of what may
// be held.
func (s *Server) unfinishedAbove(parts int64) bool {
	a := s.cfg.Account
	most := a.Most()
	return most > 0 && a.BytesOf(account.Messages) > most/parts
}

// dropUnfinished drops the messages that take long if unfinished messages take much
// memory.
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

// drop ends a connection because there is no memory for the rest of its message.
func (c *conn) drop() {
	c.FailFor(channels.ReasonMemory, channels.NoMemory.Code, channels.NoMemory.Message)
	c.deaf = true
	c.forget()
}

// giveUp ends a connection whose message has not arrived completely in time. The code has
// the client wait before it reconnects: it would send the same message again.
func (c *conn) giveUp() {
	c.FailFor(channels.ReasonMessageTimeout, pusherproto.CodeOverCapacity, "A message did not arrive whole in time")
}

// account returns the account in which the memory of the connection is entered: that of
// its app, or of the process if the session was refused.
func (c *conn) account() *account.Account {
	if a := c.Account(); a != nil {
		return a
	}
	if c.carrying() {
		return c.front.carrier.session.account()
	}
	return c.loop.server.cfg.Account
}
