package sockets

import (
	"fanfare/channels"
	"fanfare/pusherproto"
)

// Attach gives the session a request to answer on. If there is no such session
// it makes one of o, which must not be a refusal.
func (s *Server) Attach(key SessionKey, r *Receive, o Opening) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	if c := s.sessions.byKey[key]; c != nil {
		c.loop.Post(channels.Call(func() { c.link.(*httpSession).attach(c, r) }))
		return
	}
	l := s.loops[s.turn.Add(1)%uint64(len(s.loops))]
	h := &httpSession{loop: l, key: key, fresh: true}
	c := &conn{loop: l, link: h, fd: -1, limit: s.messageLimit(o.App)}
	if s.sessions.byKey == nil {
		s.sessions.byKey = make(map[SessionKey]*conn)
	}
	s.sessions.byKey[key] = c
	s.count.Add(1)
	l.Post(channels.Call(func() { l.beginSession(c, h, r, o) }))
}

func (l *loop) beginSession(c *conn, h *httpSession, r *Receive, o Opening) {
	l.adopt(c)
	h.since, h.wrote = l.now, l.now
	if l.stopped {
		r.end()
		c.die()
		return
	}
	if refusal := c.Open(l.server.hub, o.App, l, c); refusal != nil {
		c.refuse(refusal)
	} else {
		l.schedule(c, c.expire(l.now))
	}
	h.attach(c, r)
}

// refuse tells the client why there is no session, and closes.
func (c *conn) refuse(refusal *pusherproto.Error) {
	c.loop.server.hub.Refused(refusal.Code)
	c.push(channels.NewFrame(pusherproto.AppendError(nil, "", refusal.Code, refusal.Message)))
	c.Close(refusal.Code, refusal.Message)
}

// Known tells whether there is a session, closed ones of the last seconds
// included: a receive for it makes no new one.
func (s *Server) Known(key SessionKey) bool {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	return s.sessions.byKey[key] != nil
}

// Written says that the handler of r wrote a chunk, or err: what the chunk
// held is then kept for the session's next receive.
func (s *Server) Written(key SessionKey, r *Receive, err error) {
	s.onSession(key, func(c *conn, h *httpSession) { h.written(c, r, err) })
}

// Detach says that the client of r is gone.
func (s *Server) Detach(key SessionKey, r *Receive, err error) {
	s.onSession(key, func(c *conn, h *httpSession) { h.detach(c, r, err) })
}

// Deliver hands messages of the client to its session, in order. It returns
// false if there is none that takes messages.
func (s *Server) Deliver(key SessionKey, messages []string) bool {
	return s.onSession(key, func(c *conn, h *httpSession) { h.deliver(c, messages) })
}

func (s *Server) onSession(key SessionKey, f func(*conn, *httpSession)) bool {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	c := s.sessions.byKey[key]
	if c == nil {
		return false
	}
	h := c.link.(*httpSession)
	c.loop.Post(channels.Call(func() {
		if c.state != connDead {
			f(c, h)
		}
	}))
	return !h.refuses.Load()
}
