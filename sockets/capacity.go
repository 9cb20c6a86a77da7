package sockets

import (
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// Capacity limits what a Server accepts. The zero value sets no limit.
type Capacity struct {
	// Sockets is the maximum number of open sockets, HTTP sessions included;
	// further ones are refused with 4100. 0 means no limit.
	Sockets int
	// Hint says, for the log, how to raise Sockets.
	Hint string
	// ScarceFrom is the file descriptor from which on descriptors count as
	// scarce: the system assigns the lowest free number. While they are scarce,
	// each accepted connection closes an expendable one. 0 means never.
	ScarceFrom int
	// Relieve is called with true repeatedly while descriptors are scarce, and
	// then once with false. It closes idle connections that are not the loops'.
	// nil does nothing.
	Relieve func(short bool)
}

// MaxConnections is the maximum number of open sockets; 0 means no limit.
func (s *Server) MaxConnections() int { return int(s.most.Load()) }

// SetMaxConnections changes Capacity.Sockets and its Hint. Sockets above a
// lowered limit stay open.
func (s *Server) SetMaxConnections(most int, hint string) {
	s.hint.Store(&hint)
	s.most.Store(int64(most))
}

// Hint says how to raise MaxConnections.
func (s *Server) Hint() string { return *s.hint.Load() }

// OverCapacity is the refusal of sockets past MaxConnections.
var OverCapacity = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "Over capacity"}

// seat reserves one of the places for open sockets. If none is free it returns
// OverCapacity or channels.NoMemory. unseat gives the place back.
func (s *Server) seat() *pusherproto.Error {
	if s.cfg.Account.Full() {
		return channels.NoMemory
	}
	n, most := s.seats.Add(1), s.most.Load()
	if most == 0 || n <= most {
		return nil
	}
	s.seats.Add(-1)
	return OverCapacity
}

// unseat gives the place back, if the connection has one.
func (c *conn) unseat() {
	if c.seated {
		c.seated = false
		c.loop.server.seats.Add(-1)
		if c.loop.counted != nil {
			c.uncount()
		}
	}
}

// Each loop lists its connections that own a descriptor and carry no open socket,
// the one that has waited longest first. They have a request in progress, wait for
// one, or are sockets whose peer has not answered the close. The list is linked by
// slot numbers, counted from 1, so that it costs an idle socket only eight bytes.

// spare puts the connection at the end of the list.
func (l *loop) spare(c *conn) {
	l.unspare(c)
	c.spare = true
	c.older = l.newest
	if l.newest != 0 {
		l.slots[l.newest-1].conn.newer = c.slot + 1
	} else {
		l.oldest = c.slot + 1
	}
	l.newest = c.slot + 1
}

// unspare takes the connection off the list, if it is on it.
func (l *loop) unspare(c *conn) {
	if !c.spare {
		return
	}
	if c.older != 0 {
		l.slots[c.older-1].conn.newer = c.newer
	} else {
		l.oldest = c.newer
	}
	if c.newer != 0 {
		l.slots[c.newer-1].conn.older = c.older
	} else {
		l.newest = c.older
	}
	c.spare, c.older, c.newer = false, 0, 0
}

// mostAsked limits the search for an expendable connection.
const mostAsked = 64

// relinquish closes the expendable connection that has waited longest, and reports
// whether there was one. Its descriptor is free at the end of the turn.
func (l *loop) relinquish() bool {
	for at, n := l.oldest, 0; at != 0 && n < mostAsked; n++ {
		c := l.slots[at-1].conn
		if at = c.newer; !c.expendable() || l.catchUp(c) {
			continue
		}
		if f := c.front; f != nil {
			if f.counted {
				c.refuseUnasked(f.cfg.Door.Crowd())
			}
			f.missed = !f.counted
		}
		l.unspare(c)
		c.die()
		return true
	}
	return false
}

// While descriptors are scarce, a request has to arrive within arrival, with no
// pause longer than moment.
const (
	arrival = time.Second
	moment  = 250 * time.Millisecond
)

// expendable reports whether a connection that carries no open socket may be
// closed in favour of another: it has been idle for a moment, or has not sent its
// request in time. A client that was answered just now may already have sent its
// next request.
func (c *conn) expendable() bool {
	f, now := c.front, c.loop.clock
	switch {
	case c.state == connDead:
		return false
	case c.state == connClosing:
		return c.queue.bytes == 0
	default:
		return now > f.heard+moment || (f.begun || f.counted) && now > f.since+arrival
	}
}
