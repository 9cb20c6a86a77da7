package sockets

import (
	"time"

	"fanfare/channels"
)

// Carry has a session write the response to a poll, and reports whether there is
// such a session. If so, the Door's Answer then returns nil and true. describe is
// called if there is. The client has within to accept 32 KiB of the response.
func (r *Request) Carry(key SessionKey, within time.Duration, describe func() CarriedResponse) bool {
	s := r.conn.loop.server
	s.sessions.mu.Lock()
	session := s.sessions.byKey[key]
	s.sessions.mu.Unlock()
	if session == nil {
		return false
	}
	w := &carrier{session: session}
	w.Carriage = Carriage{Receive: &w.polled, Response: describe(), Within: within}
	w.polled.session = session
	r.conn.front.carrier = w
	return true
}

// carry gives the request to its session, which may be another loop's. The
// connection goes there too, when what is queued for it is written.
func (c *conn) carry() {
	c.loop.unspare(c)
	c.front.leave()
	w := c.front.carrier
	session, h := w.session, w.session.link.(*httpSession)
	switch {
	case session.loop != c.loop:
		c.leave(nil)
	case h.begun:
		c.lane, w.Receive.carrier = session.lane, c
		h.attach(session, w.Receive)
	default:
		c.lane, w.Receive.carrier = session.lane, c
		session.lane.Post(channels.Call(func() { h.attach(session, w.Receive) }))
	}
}
