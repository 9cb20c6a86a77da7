package sockets

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"fanfare/channels"
)

// acceptBatch is how many connections a loop accepts in a turn.
const acceptBatch = 64

// mostBacklog is how many connections may wait to be accepted.
const mostBacklog = 64 << 10

// listenHandle marks the events of the listening socket.
var listenHandle = handle{slot: -2}

// descriptorListener is a listener of TCP or of a Unix socket.
type descriptorListener interface {
	net.Listener
	syscall.Conn
}

// Front has the loops accept the connections of a plain listener, TCP or a Unix
// socket. The loops open WebSockets and answer API requests without a goroutine.
// All other connections come out of the returned listener, for net/http. Closing
// that listener stops the accepting. Front must be called before Run.
func (s *Server) Front(l net.Listener, cfg FrontConfig) (net.Listener, error) {
	plain, ok := l.(descriptorListener)
	if !ok || s.cfg.Portable {
		return s.frontOf(l, &cfg), nil
	}
	s.address = l.Addr()
	f := newFrontListener(l, s)
	for _, loop := range s.loops {
		// l stays open to keep the port. All duplicates share its mode, which must
		// stay non-blocking: another process may be accepting on it.
		fd, err := duplicate(plain)
		if err != nil {
			return nil, fmt.Errorf("duplicate the listening socket for an event loop: %w", err)
		}
		loop.front = &accepting{cfg: &cfg, fd: fd, listener: f}
		if err := loop.waiter.(*epoll).listen(fd); err != nil {
			return nil, fmt.Errorf("watch the listening socket: %w", err)
		}
	}
	return f, nil
}

// SetFront replaces the limits of connections that a Front has accepted and will
// accept. Before Front, it does nothing.
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

// accepting is a loop's part of a Front. It belongs to the loop.
type accepting struct {
	cfg      *FrontConfig
	fd       int
	listener *frontListener
	paused   bool // not accepting until descriptors are free
}

// stopAccepting accepts the waiting connections, whose clients may have sent a
// request, and then no more. If there is a successor, that accepts them instead.
// Connections between two requests are closed.
func (l *loop) stopAccepting() {
	if l.front == nil {
		return
	}
	for range mostBacklog {
		if l.server.succeeded.Load() { // the successor accepts them
			break
		}
		fd, addr, err := unix.Accept4(l.front.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == nil {
			l.welcome(fd, remote(addr))
		} else if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ECONNABORTED) {
			break
		}
	}
	l.pass()
	// Another process may have the socket too, for example systemd. Closing it here
	// then does not take it out of the set, and the kernel would wake this loop, which
	// cannot accept, instead of the process that can.
	_ = l.waiter.(*epoll).control(unix.EPOLL_CTL_DEL, l.front.fd, 0, listenHandle) // fails after a pause
	_ = unix.Close(l.front.fd)
	l.front = nil
	for i := range l.slots {
		if c := l.slots[i].conn; c != nil && c.front != nil {
			l.last(c)
		}
	}
}

// leaveListener stops accepting for good, because another process accepts. The loop
// keeps its connections.
func (l *loop) leaveListener() {
	if l.front != nil {
		l.pause()
	}
}

// listen watches the listening socket. The kernel wakes one of the loops that wait in
// a system call, and all that wait in Go's poller.
func (p *epoll) listen(fd int) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLEXCLUSIVE, listenHandle)
}

// accept accepts waiting connections, for this loop and the others.
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
			if s := l.server; s.cfg.Capacity.ScarceFrom > 0 && fd >= s.cfg.Capacity.ScarceFrom || l.front.cfg.Door.Crowded() {
				l.makeRoom()
				return
			}
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		case errors.Is(err, unix.EAGAIN):
			return
		default: // out of descriptors or memory: retry in a second, do not spin
			l.server.cfg.Logger.Warn("no connections can be accepted for a moment", slog.String("reason", "accept"), slog.Any("error", err))
			l.server.relieve()
			l.pause()
			return
		}
	}
}

// makeRoom closes an expendable connection in favour of one that was accepted while
// descriptors are scarce. If this loop has none, the other loops close one each and
// accepting pauses.
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
			if other.relinquish() { // its descriptor is free at the end of this turn
				other.Post(channels.Call(func() { l.Post(channels.Call(l.unpause)) }))
			}
		}))
	}
	l.pause()
}

// pause stops accepting: new connections wait in the kernel's queue.
func (l *loop) pause() {
	l.front.paused = true
	_ = l.waiter.(*epoll).control(unix.EPOLL_CTL_DEL, l.front.fd, 0, listenHandle)
}

// resume accepts again after a pause, if there are descriptors.
func (l *loop) resume() {
	switch {
	case l.front == nil || !l.front.paused:
	case !l.server.scarce() && !l.front.cfg.Door.Crowded() || l.relinquish():
		l.unpause()
	default:
		l.server.signal() // the descriptors are used by net/http
	}
}

// catchUp reads from an expendable connection and reports whether it is kept because
// a request has arrived. A loop that had to wait for a processor may not have seen
// the request.
func (l *loop) catchUp(c *conn) bool {
	f := c.front
	if f == nil || c.state != connOpen {
		return false
	}
	before := l.parsed
	l.waiter.(*epoll).read(c)
	return c.state != connDead && (c.front != f || f.leaving || l.parsed > before)
}

// trim closes connections that have been idle for longer than Door.Patience allows.
func (l *loop) trim() {
	if l.front == nil || l.front.cfg.Door.Calm() {
		return
	}
	for at := l.oldest; at != 0; {
		c := l.slots[at-1].conn
		if at = c.newer; !c.idle() || c.front.counted {
			continue
		}
		f := c.front
		if idle, _ := f.cfg.Door.Patience(f.remote.Addr(), f.cfg.IdleTimeout); l.now > c.active+seconds(idle) {
			c.die()
		}
	}
}

// unpause accepts again.
func (l *loop) unpause() {
	if l.front == nil || !l.front.paused || l.server.succeeded.Load() {
		return
	}
	if l.waiter.(*epoll).listen(l.front.fd) == nil {
		l.front.paused = false
	}
}

// welcome admits an accepted connection and assigns it to a loop.
func (l *loop) welcome(fd int, from netip.AddrPort) {
	door := l.front.cfg.Door
	if !door.Admit(from.Addr()) {
		l.turnAway(fd, door.TooMany())
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	l.accepted++
	to := l.server.place(l, l.accepted > fewAccepted)
	c := &conn{loop: to, link: to.waiter.(*epoll), fd: int32(fd)}
	c.front = &front{cfg: l.front.cfg, remote: from, counted: true, held: true}
	if h := l.front.cfg.ProxyHeaders; h != nil {
		c.front.expects = h.Expect(from.Addr())
	}
	if to == l {
		l.arrive(c, nil)
		return
	}
	if l.passing == nil {
		l.passing = make([][]*conn, len(l.server.loops))
	}
	l.passing[to.index] = append(l.passing[to.index], c)
}

// refuseUnasked writes a refusal before a request has arrived: the client may be about
// to send one.
func (c *conn) refuseUnasked(answer []byte) {
	_, _ = unix.Write(int(c.fd), answer)
}

// answerMissed answers a request that has arrived since its idle connection was
// chosen to be closed. If it stayed unread, closing would send a reset.
func (c *conn) answerMissed() {
	if !c.front.missed {
		return
	}
	if n, _ := unix.Read(int(c.fd), c.loop.scratch); n > 0 {
		c.refuseUnasked(c.front.cfg.Door.Crowd())
	}
}

// turnAway closes a connection with an answer to the request that it may be
// about to send. What has arrived is read, because otherwise the client would get a
// reset.
func (l *loop) turnAway(fd int, answer []byte) {
	_, _ = unix.Write(fd, answer)
	_, _ = unix.Read(fd, l.scratch)
	_ = unix.Close(fd)
}

// pass hands accepted connections over to the loops they were assigned to, with one
// mail for each loop.
func (l *loop) pass() {
	for i, conns := range l.passing {
		if len(conns) > 0 {
			l.passing[i] = nil
			to := l.server.loops[i]
			to.Post(channels.Call(func() {
				for _, c := range conns {
					to.arrive(c, nil)
				}
			}))
		}
	}
}

// arrive makes the loop the owner of a connection that was accepted or came back from
// net/http. read holds bytes that were read and are not handled.
func (l *loop) arrive(c *conn, read []byte) {
	l.adopt(c)
	l.spare(c)
	c.front.since, c.front.heard = l.clock, l.clock
	if l.front != nil {
		c.front.cfg = l.front.cfg
	}
	if l.stopped || l.watch(c) != nil {
		c.die()
		return
	}
	c.await(0, nil)
	if len(read) > 0 {
		c.feed(read)
	}
	if l.front == nil {
		l.last(c)
	}
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
