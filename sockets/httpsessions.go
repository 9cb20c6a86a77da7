package sockets

import (
	"context"
	"net/netip"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// Session reports whether an HTTP session exists, or was closed in the last
// seconds, and returns the address that opened it.
func (s *Server) Session(key SessionKey) (creator netip.Addr, ok bool) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	c, ok := s.sessions.byKey[key]
	if !ok {
		return netip.Addr{}, false
	}
	return c.link.(*httpSession).creator, true
}

// Attach gives the session a request to answer on. It returns false if the
// session does not exist.
func (s *Server) Attach(key SessionKey, r *Receive) bool {
	return s.toSession(key, func(c *conn) channels.Mail {
		r.session = c
		return channels.Call(func() { c.link.(*httpSession).attach(c, r) })
	})
}

// OpenSession opens a session as described by o, which must not be a refusal, and
// gives it a request to answer on. If another request has opened the session
// meanwhile, r is given to that one. creator is the address that Session returns.
// OpenSession returns OverCapacity or channels.NoMemory if there is no room for a
// session, and has then done nothing.
func (s *Server) OpenSession(key SessionKey, creator netip.Addr, r *Receive, o Opening) *pusherproto.Error {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	if c := s.sessions.byKey[key]; c != nil {
		r.session = c
		c.lane.Post(channels.Call(func() { c.link.(*httpSession).attach(c, r) }))
		return nil
	}
	if s.stopped.Load() {
		r.end()
		return nil
	}
	if refusal := s.seat(); refusal != nil {
		return refusal
	}
	l := s.place(nil, false)
	h := &httpSession{loop: l, key: key, creator: creator}
	c := &conn{loop: l, lane: l.laneOf(o.App), link: h, fd: -1, limit: s.messageLimit(o.App), seated: true}
	if s.sessions.byKey == nil {
		s.sessions.byKey = make(map[SessionKey]*conn)
	}
	s.sessions.byKey[key] = c
	s.sessions.peak = max(s.sessions.peak, len(s.sessions.byKey))
	l.share.sockets.Add(1)
	r.session = c
	c.lane.Post(channels.Call(func() { l.beginSession(c, h, r, o) }))
	return nil
}

func (l *loop) beginSession(c *conn, h *httpSession, r *Receive, o Opening) {
	l.adopt(c)
	h.begun, h.since, h.wrote = true, l.now, l.now
	if l.stopped {
		r.end()
		c.die()
		return
	}
	c.open(&o, r.transport())
	h.watch(c) // before its client can send anything
	h.attach(c, r)
}

// refuse sends the reason of the refusal to the client, and closes the connection.
func (c *conn) refuse(app *apps.App, refusal *pusherproto.Error) {
	c.countRefused(app, refusal)
	c.push(channels.NewFrame(pusherproto.AppendError(nil, "", refusal.Code, refusal.Message)))
	c.Close(refusal.Code, refusal.Message)
}

func (c *conn) countRefused(app *apps.App, refusal *pusherproto.Error) {
	id := ""
	if app != nil {
		id = app.ID
	}
	c.loop.server.hub.RefusedFor(id, refusal.Code, channels.ReasonOf(refusal))
}

// Written must be called when the handler of r has written a chunk, or has failed
// with err. After an error, the chunk's messages are kept for the session's next
// receive.
func (s *Server) Written(key SessionKey, r *Receive, err error) {
	s.onSession(key, func(c *conn, h *httpSession) {
		if c.state != connDead {
			h.written(c, r, err)
		}
	})
}

// Detach must be called when the client of r has disconnected; err says how.
func (s *Server) Detach(key SessionKey, r *Receive, err error) {
	s.onSession(key, func(c *conn, h *httpSession) {
		if c.state != connDead {
			h.detach(c, r, err)
		}
	})
}

// Deliver passes messages of the client to its session, in order, and returns
// when they are handled. It returns false if no session accepts messages, and the
// error of ctx if the app is under pressure for too long; none of the messages is
// handled then, now or later.
func (s *Server) Deliver(ctx context.Context, key SessionKey, messages []string) (bool, error) {
	if err := s.room(ctx, key); err != nil {
		return false, err
	}
	bytes := 0
	for _, m := range messages {
		bytes += len(m)
	}
	d := newDelivery()
	found := s.toSession(key, func(c *conn) channels.Mail {
		return channels.Reading(bytes, func() {
			if !d.begin(ctx) {
				return
			}
			open := c.state == connOpen
			if open {
				c.link.(*httpSession).deliver(c, messages)
			}
			d.end(open)
		})
	})
	if !found {
		return false, nil
	}
	return d.wait(ctx)
}

// DeliverNothing tells the session that its client has sent more than the server
// reads.
func (s *Server) DeliverNothing(key SessionKey) {
	s.onSession(key, func(c *conn, _ *httpSession) {
		if c.state == connOpen {
			c.TooLarge(&pusherproto.Outline{}, int(c.limit))
		}
	})
}

// room waits while the session's app is under pressure. It counts as a sign of life of
// the client, because the wait may be longer than the client may be silent.
func (s *Server) room(ctx context.Context, key SessionKey) error {
	var app *channels.Pressure
	s.sessions.mu.Lock()
	if c := s.sessions.byKey[key]; c != nil && c.lane.pressure.High() {
		app = c.lane.pressure
		c.lane.Post(channels.Call(c.alive))
	}
	s.sessions.mu.Unlock()
	if app == nil {
		return nil
	}
	return app.Wait(ctx)
}

// onSession has the session's loop call f, and reports whether there is such a
// session. The session may have ended when f is called.
func (s *Server) onSession(key SessionKey, f func(*conn, *httpSession)) bool {
	return s.toSession(key, func(c *conn) channels.Mail {
		return channels.Call(func() { f(c, c.link.(*httpSession)) })
	})
}

// toSession posts mail for a session, and reports whether there is one.
func (s *Server) toSession(key SessionKey, m func(*conn) channels.Mail) bool {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	c := s.sessions.byKey[key]
	if c == nil {
		return false
	}
	c.lane.Post(m(c))
	return true
}

// stop prevents new sessions: no loop would begin them any more.
func (s *Server) stop() {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	s.stopped.Store(true)
}
