package sockets

import (
	"context"
	"net"
	"sync"
	"time"

	"fanfare/channels"
)

// guard is the listener of connections that net/http accepts itself. It accepts none
// while descriptors are scarce or there are too many connections: new ones then wait
// in the kernel's queue. Running out of descriptors is not an error of Accept.
type guard struct {
	net.Listener
	server  *Server
	crowded func() bool
	closed  chan struct{}
	once    sync.Once
}

func (s *Server) guard(l net.Listener, crowded func() bool) net.Listener {
	return &guard{Listener: l, server: s, crowded: crowded, closed: make(chan struct{})}
}

// frontOf is Front for listeners on which the loops cannot accept. With TLS, PROXY
// headers are read by the listener below l.
func (s *Server) frontOf(l net.Listener, cfg *FrontConfig) net.Listener {
	switch l.(type) {
	case *net.TCPListener, *net.UnixListener:
		l = WithProxyHeaders(l, cfg.ProxyHeaders)
	}
	return s.guard(l, cfg.Door.Crowded)
}

// scarcePause is how long accepting waits for descriptors.
const scarcePause = 20 * time.Millisecond

// Accept implements net.Listener.
func (g *guard) Accept() (net.Conn, error) {
	for {
		if !g.server.scarce() && !g.crowded() {
			c, err := g.Listener.Accept()
			if !outOfDescriptors(err) {
				return c, err
			}
		}
		if !g.pause() {
			return nil, net.ErrClosed
		}
	}
}

// pause waits for descriptors, and reports whether the listener is still open.
func (g *guard) pause() bool {
	g.server.relieve()
	select {
	case <-g.closed:
		return false
	case <-time.After(scarcePause):
		return true
	}
}

// Close implements net.Listener.
func (g *guard) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.Listener.Close()
}

// relieve has every loop close an expendable connection, and net/http close its idle
// ones.
func (s *Server) relieve() {
	for _, l := range s.loops {
		l.Post(channels.Call(func() { l.relinquish() }))
	}
	s.signal()
}

// resume has the loops accept again, if they can.
func (s *Server) resume() {
	for _, l := range s.loops {
		l.Post(channels.Call(l.resume))
	}
}

// signal reports to watchShortage that descriptors are scarce.
func (s *Server) signal() {
	select {
	case s.short <- struct{}{}:
	default: // reported already
	}
}

// shortage is how long descriptors count as scarce after the last signal, resumePause
// the interval in which the loops check whether they can accept again.
const (
	shortage    = 250 * time.Millisecond
	resumePause = 25 * time.Millisecond
)

// watchShortage calls Capacity.Relieve as documented there, until ctx is done.
func (s *Server) watchShortage(ctx context.Context) {
	for {
		select {
		case <-s.short:
		case <-ctx.Done():
			return
		}
		for short := true; short; {
			s.cfg.Capacity.Relieve(true)
			for range shortage / resumePause {
				select {
				case <-time.After(resumePause):
				case <-ctx.Done():
					return
				}
				s.resume()
			}
			select {
			case <-s.short:
			default:
				short = false
			}
		}
		s.cfg.Capacity.Relieve(false)
	}
}
