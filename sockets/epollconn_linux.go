package sockets

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// How the connections in an epoll set are read, written and closed.

// watch puts a connection's descriptor into the set.
func (p *epoll) watch(c *conn) error {
	return p.control(unix.EPOLL_CTL_ADD, int(c.fd), unix.EPOLLIN|unix.EPOLLRDHUP, p.loop.handle(c))
}

// turnReads is about how many frames a turn reads. Sockets with more data wait in a
// queue and are read greedyRead bytes at a time: their messages may take long to
// handle, and requests and mail of others wait until the turn ends.
const turnReads = 256

// leave queues a connection, to be read in a later turn.
func (p *epoll) leave(c *conn) {
	if c.pace != behind {
		c.pace = behind
		p.behind.push(p.loop.handle(c))
	}
}

// readBehind reads connections that leave has queued, and reports whether there
// were any.
func (p *epoll) readBehind(most uint64) (worked bool) {
	for left := epollBatch; left > 0 && p.behind.len() > 0 && p.loop.parsed < most; left-- {
		worked = true
		c := p.loop.lookup(p.behind.pop())
		if c == nil || c.pace != behind {
			continue
		}
		c.pace = greedy
		if c.state != connDead && !c.waits() && !c.mustWait() { // otherwise the set reports it again
			p.read(c)
		}
	}
	return worked
}

// One read may return ten thousand frames or a hundred requests. Handling them takes
// ten milliseconds, and all other connections wait. A socket whose read held more
// than busyRead frames is therefore read greedyRead bytes a turn until it has no
// more. Requests are read requestRead bytes at a time, because what was read of a
// request for net/http is copied. TLS is read securedRead bytes at a time: if they are
// all requests for new keys, computing the keys takes milliseconds.
const (
	busyRead    = 64
	greedyRead  = 1 << 10
	requestRead = 16 << 10
	securedRead = 8 << 10
)

// read reads once from the connection: the set reports it again if there is more.
func (p *epoll) read(c *conn) {
	if c.leaving() {
		return // the rest is for net/http
	}
	s, secured := c.link.(*securedLink)
	buf := p.loop.buf
	switch {
	case c.pace != steady:
		buf = buf[:greedyRead]
	case c.front != nil:
		buf = buf[:requestRead]
	case secured:
		buf = buf[:securedRead]
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)),
		unix.MSG_DONTWAIT, 0, 0)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		c.pace = steady
	case n == 0 && errno == 0:
		c.lose(byNetwork, withoutFarewell)
	case errno != 0:
		c.lose(byNetwork, errno.Error())
	default:
		before := p.loop.parsed
		if secured {
			s.take(c, buf[:n])
		} else {
			c.feed(buf[:n])
		}
		if p.loop.parsed-before > busyRead || c.pace == greedy && int(n) == len(buf) {
			c.pace = greedy
		} else {
			c.pace = steady
		}
		// Answers are written at once: they do not wait for the other reads of this turn.
		if c.queue.bytes > 0 && !c.blocked && c.state != connDead {
			c.link.flush(c)
		}
	}
}

// flush implements link.
func (p *epoll) flush(c *conn) {
	for c.queue.bytes > 0 && c.state != connDead {
		b := c.queue.gather(p.loop.scratch)
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			c.written(int(n))
			if int(n) < len(b) {
				p.block(c)
				return
			}
		case unix.EINTR:
		case unix.EAGAIN:
			p.block(c)
			return
		default:
			c.lose(byNetwork, errno.Error())
		}
	}
	if c.armed && c.state != connDead {
		c.armed = false
		p.rewatch(c)
	}
}

// block has the set report when the peer reads again.
func (p *epoll) block(c *conn) {
	c.blocked = true
	c.slow()
	if c.armed {
		return
	}
	c.armed = true
	p.rewatch(c)
}

// rewatch updates in the set which events the connection waits for.
func (p *epoll) rewatch(c *conn) {
	var events uint32
	if !c.paused && !c.leaving() {
		events |= unix.EPOLLIN | unix.EPOLLRDHUP
	}
	if c.armed {
		events |= unix.EPOLLOUT
	}
	if p.control(unix.EPOLL_CTL_MOD, int(c.fd), events, p.loop.handle(c)) != nil {
		c.die()
	}
}

// resume implements link.
func (p *epoll) resume(c *conn) { p.rewatch(c) }

// finish implements link.
func (p *epoll) finish(c *conn) { _ = unix.Shutdown(int(c.fd), unix.SHUT_WR) }

// release implements link. Closing takes the descriptor out of the set.
func (p *epoll) release(c *conn) {
	if c.fd >= 0 { // not handed over
		_ = unix.Close(int(c.fd))
	}
}

// size implements link.
func (p *epoll) size() int { return epollBytes }

// address implements link.
func (p *epoll) address(c *conn) netip.Addr {
	peer, err := unix.Getpeername(int(c.fd))
	if err != nil {
		return netip.Addr{}
	}
	return remote(peer).Addr()
}
