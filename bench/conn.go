package bench

import (
	"errors"
	"fmt"
	"net/netip"
)

// handler is what a connection is for. Its methods are called by the loop.
type handler interface {
	// opened says that the connection stands.
	opened(c *conn)
	// arrived takes whole messages off the front of b and returns how many
	// bytes they were; the rest comes again with more behind it. b is valid
	// during the call only.
	arrived(c *conn, b []byte) int
	// ended says that the other side or the system ended the connection; err
	// is nil for an orderly end. It is not called after hangUp.
	ended(c *conn, err error)
}

// conn is a TCP connection of the client. It belongs to its loop.
type conn struct {
	handler    handler
	spill      []byte // the beginning of a message whose rest has not come
	out        []byte // what the kernel has not taken
	fd         int32  // -1 once closed
	slot       int32
	index      int32 // of its handler's connections
	connecting bool
	muted      bool
	peer       peer
}

// spillSize is the capacity of pooled spill buffers.
const spillSize = 4 << 10

// maxMessage is the longest message the client takes.
const maxMessage = 16 << 20

// dial begins a connection; the handler hears how it went.
func (l *loop) dial(h handler, index int, to netip.AddrPort, from netip.Addr) (*conn, error) {
	fd, err := dial(to, from)
	if err != nil {
		return nil, err
	}
	c := &conn{handler: h, fd: int32(fd), index: int32(index), connecting: true}
	if n := len(l.free); n > 0 {
		c.slot = l.free[n-1]
		l.free = l.free[:n-1]
		l.conns[c.slot] = c
	} else {
		c.slot = int32(len(l.conns))
		l.conns = append(l.conns, c)
	}
	if err := l.poller.watch(fd, c.slot, canWrite); err != nil {
		l.hangUp(c, true)
		return nil, fmt.Errorf("watch a connection: %w", err)
	}
	return c, nil
}

// ready handles what the poller says about a connection.
func (l *loop) ready(c *conn, what uint32) {
	if c.connecting {
		if err := connected(int(c.fd)); err != nil {
			l.lose(c, fmt.Errorf("connect: %w", err))
			return
		}
		c.connecting = false
		l.rewatch(c)
		if c.fd >= 0 {
			c.handler.opened(c)
		}
		return
	}
	if what&canWrite != 0 {
		l.flush(c)
	}
	switch {
	case c.fd < 0:
	case what&(canRead|hasEnded) != 0:
		// Readiness is told once, so what came with the end is read here.
		for l.read(c) || what&hasEnded != 0 && c.fd >= 0 {
		}
	case what&isBroken != 0:
		l.lose(c, errors.New("reset by the server"))
	}
}

// rewatch tells the poller what the connection waits for now.
func (l *loop) rewatch(c *conn) {
	var what uint32
	if !c.muted {
		what |= canRead | hasEnded | onEdge
	}
	if len(c.out) > 0 {
		what |= canWrite
	}
	if err := l.poller.rewatch(int(c.fd), c.slot, what); err != nil {
		l.lose(c, fmt.Errorf("watch a connection: %w", err))
	}
}

// mute stops reading a connection for good.
func (l *loop) mute(c *conn) {
	c.muted = true
	l.rewatch(c)
}

// read reads once into the shared buffer, behind what was left over. It tells
// whether there may be more.
func (l *loop) read(c *conn) (more bool) {
	had := copy(l.buf, c.spill)
	room := l.buf[had:]
	n, again, err := receive(int(c.fd), room)
	switch {
	case again:
		return false
	case err != nil:
		l.lose(c, fmt.Errorf("read: %w", err))
		return false
	case n == 0:
		l.lose(c, nil)
		return false
	}
	l.received += int64(n)
	more = n == len(room)
	b := l.buf[:had+n]
	used := c.handler.arrived(c, b)
	if c.fd < 0 {
		return false
	}
	l.keep(c, b[used:])
	return more && c.fd >= 0
}

// keep holds on to the beginning of a message.
func (l *loop) keep(c *conn, rest []byte) {
	switch {
	case len(rest) == 0:
		if c.spill != nil {
			l.reuse(c.spill)
			c.spill = nil
		}
		return
	case len(rest) == len(l.buf) && len(l.buf) >= maxMessage:
		l.lose(c, fmt.Errorf("a message of more than %d bytes", maxMessage))
		return
	}
	if c.spill == nil {
		c.spill = l.spillBuffer()
	}
	c.spill = append(c.spill[:0], rest...)
	if len(rest) == len(l.buf) {
		l.buf = make([]byte, 2*len(l.buf))
	}
}

func (l *loop) spillBuffer() []byte {
	if n := len(l.spills); n > 0 {
		b := l.spills[n-1]
		l.spills = l.spills[:n-1]
		return b
	}
	return make([]byte, 0, spillSize)
}

func (l *loop) reuse(spill []byte) {
	if cap(spill) <= 16*spillSize && len(l.spills) < 1024 {
		l.spills = append(l.spills, spill[:0])
	}
}

// write sends b, or as much as the kernel takes and the rest when it can.
func (l *loop) write(c *conn, b []byte) {
	if c.fd < 0 {
		return
	}
	if len(c.out) > 0 {
		c.out = append(c.out, b...)
		return
	}
	n, err := send(int(c.fd), b)
	if err != nil {
		l.lose(c, fmt.Errorf("write: %w", err))
		return
	}
	if n < len(b) {
		c.out = append(c.out, b[n:]...)
		l.rewatch(c)
	}
}

func (l *loop) flush(c *conn) {
	if len(c.out) == 0 {
		return
	}
	n, err := send(int(c.fd), c.out)
	if err != nil {
		l.lose(c, fmt.Errorf("write: %w", err))
		return
	}
	c.out = c.out[:copy(c.out, c.out[n:])]
	if len(c.out) == 0 {
		c.out = nil
		l.rewatch(c)
	}
}

// lose ends a connection that failed, or that the server ended.
func (l *loop) lose(c *conn, err error) {
	if c.fd < 0 {
		return
	}
	l.hangUp(c, true)
	c.handler.ended(c, err)
}

// hangUp closes a connection. Its slot is free for another after the turn,
// when no event of this one is left.
func (l *loop) hangUp(c *conn, abrupt bool) {
	if c.fd < 0 {
		return
	}
	hangUp(l.forget(c), abrupt)
	l.freed = append(l.freed, c.slot)
}

// forget takes a connection from the loop and returns its descriptor, which is
// to be closed before the slot is given to another.
func (l *loop) forget(c *conn) (fd int) {
	fd = int(c.fd)
	c.fd = -1
	if c.spill != nil {
		l.reuse(c.spill)
		c.spill = nil
	}
	c.out = nil
	l.conns[c.slot] = nil
	return fd
}
