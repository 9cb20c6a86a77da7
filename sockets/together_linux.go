package sockets

import "golang.org/x/sys/unix"

// together is what a loop is about to send to several sockets with one system
// call. It is empty outside of loop.flush.
type together struct {
	ring    *ring // nil if the system has none
	conns   []*conn
	parts   [][]byte // the bytes to send on each of conns
	copied  int      // bytes of the loop's scratch in use
	bytes   int      // of all parts
	results [ringSends]int32
}

// Sending to two sockets with one system call is no faster than with two. A few large
// parts are as much work as many small ones, so the bytes of a call are limited too.
const (
	leastTogether = 3
	mostTogether  = 64 << 10 // bytes
)

// name implements waiter.
func (p *epoll) name() string {
	if p.ring != nil {
		return "io_uring"
	}
	return "epoll"
}

// write implements waiter.
func (p *epoll) write(c *conn) (bytes int) {
	t := &p.together
	waited, scratch := c.queue.bytes, p.loop.scratch
	if t.ring == nil || c.link != link(p) || waited > len(scratch) {
		if t.copied > 0 {
			p.send() // flush uses scratch as well
		}
		c.link.flush(c)
		return waited - c.queue.bytes
	}
	if len(c.queue.frames) == 1 {
		waited = 0 // nothing is copied
	}
	if t.copied+waited > len(scratch) {
		p.send()
	}
	b := c.queue.gather(scratch[t.copied:])
	t.copied += waited
	c.queue.depart(len(b))
	t.conns, t.parts = append(t.conns, c), append(t.parts, b)
	t.bytes += len(b)
	if len(t.conns) == ringSends || t.bytes > mostTogether {
		p.send()
	}
	return len(b)
}

// send implements waiter.
func (p *epoll) send() {
	t := &p.together
	if len(t.conns) >= leastTogether {
		for i, c := range t.conns {
			t.ring.add(c.fd, t.parts[i])
		}
		t.ring.submit(&t.results)
		for i, c := range t.conns {
			p.sent(c, len(t.parts[i]), t.results[i])
		}
	} else {
		for _, c := range t.conns {
			c.queue.remain()
			p.flush(c)
		}
	}
	clear(t.conns)
	clear(t.parts)
	t.conns, t.parts, t.copied, t.bytes = t.conns[:0], t.parts[:0], 0, 0
}

// sent handles the result of one of several sends: how many of n bytes the kernel has
// accepted, or the negative error.
func (p *epoll) sent(c *conn, n int, result int32) {
	switch errno := unix.Errno(-result); {
	case result >= 0:
		c.written(int(result))
		if int(result) < n {
			p.block(c)
			return
		}
		p.flush(c) // what did not fit
	case errno == unix.EAGAIN:
		c.queue.remain()
		p.block(c)
	case errno == unix.EINTR || errno == errNotSent:
		c.queue.remain()
		p.flush(c)
	default:
		c.queue.remain()
		c.lose(byNetwork, errno.Error())
	}
}
