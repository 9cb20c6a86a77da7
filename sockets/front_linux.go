package sockets

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"fanfare/channels"
)

// acceptBatch is how many connections a loop accepts in a turn.
const acceptBatch = 64

// listenHandle marks the events of the listening socket.
var listenHandle = handle{slot: -2}

// Front has the loops accept the connections of a plain TCP listener: a
// WebSocket is opened and an API request answered where it arrives, without a
// goroutine. Everything else comes out of the listener that is returned, for
// net/http. Closing that listener ends the accepting. It is called before Run.
func (s *Server) Front(l net.Listener, cfg FrontConfig) (net.Listener, error) {
	tcp, ok := l.(*net.TCPListener)
	if !ok || s.cfg.Portable {
		return s.guard(l), nil
	}
	file, err := tcp.File() // a duplicate: l stays to keep the port
	if err != nil {
		return nil, fmt.Errorf("reach the listening socket: %w", err)
	}
	defer func() { _ = file.Close() }()
	f := &frontListener{TCPListener: tcp, server: s, rest: make(chan net.Conn, 1024), closed: make(chan struct{})}
	for _, loop := range s.loops {
		fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("duplicate the listening socket: %w", err)
		}
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, fmt.Errorf("make the listening socket non-blocking: %w", err)
		}
		loop.front = &accepting{cfg: &cfg, fd: fd, listener: f}
		if err := loop.waiter.(*epoll).listen(fd); err != nil {
			return nil, fmt.Errorf("watch the listening socket: %w", err)
		}
	}
	return f, nil
}

// SetFront replaces the bounds of the connections that a Front accepted and
// will accept. It does nothing before Front.
func (s *Server) SetFront(cfg FrontConfig) {
	for _, l := range s.loops {
		l.Post(channels.Call(func() {
			if l.front == nil {
				return
			}
			l.front.cfg = &cfg
			for i := range l.slots {
				if c := l.slots[i].conn; c != nil && c.front != nil {
					c.front.cfg = &cfg
				}
			}
		}))
	}
}

// frontListener is where net/http accepts what the loops leave to it.
type frontListener struct {
	*net.TCPListener
	server *Server
	rest   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (f *frontListener) Accept() (net.Conn, error) {
	select {
	case c := <-f.rest:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener: the loops accept no more, and connections
// between two requests end.
func (f *frontListener) Close() error {
	f.once.Do(func() {
		close(f.closed)
		for _, l := range f.server.loops {
			l.Post(channels.Call(l.stopAccepting))
		}
	})
	return f.TCPListener.Close()
}

// accepting is a loop's part of a Front. It belongs to the loop.
type accepting struct {
	cfg      *FrontConfig
	fd       int
	listener *frontListener
	paused   bool // out of descriptors, until some are free
}

func (l *loop) stopAccepting() {
	if l.front == nil {
		return
	}
	rest := l.front.listener.rest
	_ = unix.Close(l.front.fd)
	l.front = nil
	for len(rest) > 0 { // handed over, and net/http accepts no more
		select {
		case c := <-rest:
			_ = c.Close()
		default:
		}
	}
	for i := range l.slots {
		if c := l.slots[i].conn; c != nil && c.front != nil && len(c.in) == 0 && c.queue.bytes == 0 {
			c.die()
		}
	}
}

// listen watches the listening socket. One loop is woken for a connection, if
// it waits in a system call; those that wait in Go's poller are all woken.
func (p *epoll) listen(fd int) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLEXCLUSIVE, listenHandle)
}

// accept takes waiting connections, for itself and other loops.
func (l *loop) accept() {
	l.take()
	l.pass()
}

func (l *loop) take() {
	for range acceptBatch {
		fd, addr, err := unix.Accept4(l.front.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			l.welcome(fd, remote(addr))
			if s := l.server; s.cfg.Capacity.ScarceFrom > 0 && fd >= s.cfg.Capacity.ScarceFrom {
				l.makeRoom()
				return
			}
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		case errors.Is(err, unix.EAGAIN):
			return
		default: // out of descriptors or memory: do not spin, look again in a second
			l.server.cfg.Logger.Warn("accepting pauses", slog.String("reason", "accept"), slog.Any("error", err))
			l.server.relieve()
			l.pause()
			return
		}
	}
}

// makeRoom closes a connection for one that was accepted while descriptors run
// short. Accepting pauses if this loop has none that can be missed.
func (l *loop) makeRoom() {
	l.server.signal()
	if l.relinquish() {
		return
	}
	for _, other := range l.server.loops {
		if other == l {
			continue
		}
		other.Post(channels.Call(func() {
			if other.relinquish() { // and bury it at the end of this turn
				other.Post(channels.Call(func() { l.Post(channels.Call(l.unpause)) }))
			}
		}))
	}
	l.pause()
}

// pause leaves connections in the kernel's queue.
func (l *loop) pause() {
	l.front.paused = true
	_ = l.waiter.(*epoll).control(unix.EPOLL_CTL_DEL, l.front.fd, 0, listenHandle)
}

// resume accepts again after a pause, if there are descriptors.
func (l *loop) resume() {
	switch {
	case l.front == nil || !l.front.paused:
	case !l.server.scarce() || l.relinquish():
		l.unpause()
	default:
		l.server.signal() // net/http has them
	}
}

// unpause accepts again.
func (l *loop) unpause() {
	if l.front == nil || !l.front.paused {
		return
	}
	if l.waiter.(*epoll).listen(l.front.fd) == nil {
		l.front.paused = false
	}
}

// welcome makes a connection of one that was accepted.
func (l *loop) welcome(fd int, from netip.AddrPort) {
	door := l.front.cfg.Door
	if !door.Admit(from.Addr()) {
		_ = unix.Close(fd)
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	l.accepted++
	to := l.server.place(l, l.accepted > fewAccepted)
	c := &conn{loop: to, link: to.waiter.(*epoll), fd: int32(fd)}
	c.front = &front{cfg: l.front.cfg, remote: from, counted: true}
	if to == l {
		l.arrive(c)
		return
	}
	if l.passing == nil {
		l.passing = make([][]*conn, len(l.server.loops))
	}
	l.passing[to.index] = append(l.passing[to.index], c)
}

// pass hands accepted connections over to the loops that they were placed on,
// those of one loop together.
func (l *loop) pass() {
	for i, conns := range l.passing {
		if len(conns) > 0 {
			l.passing[i] = nil
			to := l.server.loops[i]
			to.Post(channels.Call(func() {
				for _, c := range conns {
					to.arrive(c)
				}
			}))
		}
	}
}

// arrive makes the loop the owner of a connection that was accepted.
func (l *loop) arrive(c *conn) {
	l.adopt(c)
	l.spare(c)
	if l.stopped || l.front == nil || l.watch(c) != nil {
		c.die()
		return
	}
	c.front.cfg = l.front.cfg
	c.await(0, nil)
}

func remote(addr unix.Sockaddr) netip.AddrPort {
	switch a := addr.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	default:
		return netip.AddrPort{}
	}
}

// handOver gives a connection's socket to net/http, with what was read of it.
func (l *loop) handOver(c *conn, read []byte) {
	fd := int(c.fd)
	_ = l.waiter.(*epoll).control(unix.EPOLL_CTL_DEL, fd, 0, handle{})
	file := os.NewFile(uintptr(fd), "")
	c.fd = -1
	c.state = connDead
	nc, err := net.FileConn(file)
	_ = file.Close()
	if err != nil || l.front == nil {
		if err == nil {
			_ = nc.Close()
		}
		return
	}
	handed := &readConn{Conn: nc, remote: net.TCPAddrFromAddrPort(c.front.remote), read: append([]byte(nil), read...), cut: c.front.cut}
	select {
	case l.front.listener.rest <- handed:
	default: // net/http does not keep up at all
		_ = nc.Close()
	}
}

// readConn is a connection of which something was read before.
type readConn struct {
	net.Conn
	remote net.Addr
	read   []byte
	cut    bool // nothing more comes in time
}

// RemoteAddr is the client's address. Conn does not know it, and returns nil, if
// the client was gone before the socket was handed over.
func (c *readConn) RemoteAddr() net.Addr { return c.remote }

// Read implements net.Conn.
func (c *readConn) Read(b []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(b, c.read)
		if c.read = c.read[n:]; len(c.read) == 0 {
			c.read = nil
		}
		return n, nil
	}
	if c.cut {
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Read(b)
}

// CloseWrite ends the sending side, as net/http does before it closes.
func (c *readConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// whole returns the connection itself once it holds nothing back.
func (c *readConn) whole() (net.Conn, bool) { return c.Conn, len(c.read) == 0 && !c.cut }
