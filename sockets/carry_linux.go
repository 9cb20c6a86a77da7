package sockets

import (
	"bufio"
	"errors"
	"net"

	"golang.org/x/sys/unix"

	"fanfare/channels"
)

// Carries reports whether a loop can take over the connection of a request.
func Carries(nc net.Conn) bool {
	h, ok := nc.(*handed)
	return ok && !h.cut
}

// Carry has the session's loop write the response. nc was hijacked from net/http,
// read holds what net/http has read ahead, and Carries(nc) is true. If the server
// has stopped or no descriptor is free, Carry closes the connection.
func (s *Server) Carry(nc net.Conn, read *bufio.Reader, w Carriage) {
	h, ok := nc.(*handed)
	session := w.Receive.session
	if !ok || session == nil {
		_ = nc.Close()
		w.Response.Done(0)
		return
	}
	behind, _ := read.Peek(read.Buffered())
	in := append(append([]byte(nil), behind...), h.read...)
	fd, ok := h.take()
	if !ok {
		fd = -1
	}
	f := &front{cfg: h.cfg, remote: h.from, secure: h.secure, carrier: &carrier{Carriage: w, session: session}}
	s.toLoop(fd, f, in, false)
}

// toLoop sends a socket that carries a session's response to the session's loop.
// With attach, the loop also gives the request to the session.
func (s *Server) toLoop(fd int, f *front, in []byte, attach bool) {
	w := f.carrier
	session := w.session
	l := session.loop
	c := &conn{loop: l, lane: session.lane, link: l.waiter.(*epoll), fd: int32(fd), front: f, in: in}
	s.sessions.mu.Lock()
	stopped := s.stopped.Load() // no loop would read the mail
	if !stopped {
		l.share.conns.Add(1)
		session.lane.Post(channels.Call(func() {
			l.carryOn(c)
			if attach {
				session.link.(*httpSession).attach(session, w.Receive)
			}
		}))
	}
	s.sessions.mu.Unlock()
	if stopped {
		c.link.release(c)
		w.Response.Done(0)
	}
}

// move gives a connection to the loop of the session that answers its request.
func (l *loop) move(c *conn) {
	_ = l.waiter.(*epoll).control(unix.EPOLL_CTL_DEL, int(c.fd), 0, handle{})
	f := c.front
	l.server.toLoop(int(c.fd), &front{cfg: f.cfg, remote: f.remote, secure: f.secure, carrier: f.carrier}, c.in, true)
	c.fd, c.state = -1, connDead
	f.carrier = nil
}

// carryOn makes the loop the owner of a connection that carries a response. The
// session may already have sent a chunk, or ended the response.
func (l *loop) carryOn(c *conn) {
	l.adopt(c)
	r := c.front.carrier.Receive
	r.carrier = c
	if l.front != nil {
		c.front.cfg = l.front.cfg
	}
	if c.fd < 0 || l.stopped || l.watch(c) != nil {
		c.die()
		return
	}
	if len(c.in) > 0 {
		l.account(c.front, c.in)
		c.stopListening()
	}
	select {
	case chunk, ok := <-r.Chunks:
		if ok {
			c.say(chunk)
		}
	default:
	}
	if r.ended {
		c.sayNoMore()
	}
}

// setDown ends the carrying: the connection waits for its next request.
func (c *conn) setDown() {
	f := c.front
	w := f.carrier
	f.carrier = nil
	w.Receive.carrier = nil
	w.Response.Done(w.body)
	c.lane = c.loop.own
	f.cfg.Door.Enter(f.remote.Addr())
	f.held, f.begun, f.body, f.blanks = true, false, false, mostBlanks
	f.since, f.heard = c.loop.clock, c.loop.clock
	c.loop.spare(c)
	c.unpause()
	if w.last {
		c.hangUp()
		c.link.finish(c)
		return
	}
	if len(c.in) > 0 {
		c.feed(nil)
	} else {
		c.await(0, nil)
	}
	if c.loop.front == nil {
		c.loop.last(c)
	}
}

// listenTo detects that the client of a response disconnects. If the client sends
// data before the response ends, that is kept and nothing more is read.
func (p *epoll) listenTo(c *conn) {
	buf := p.loop.buf[:greedyRead]
	n, err := unix.Read(int(c.fd), buf)
	switch {
	case n > 0:
		c.in = append(c.in, buf[:n]...)
		p.loop.account(c.front, c.in)
		c.stopListening()
	case err == nil:
		c.lose(byNetwork, withoutFarewell)
	case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
		c.lose(byNetwork, err.Error())
	}
}

// stopListening reads nothing more until the response has ended.
func (c *conn) stopListening() {
	c.paused = true
	c.link.(*epoll).rewatch(c)
}
