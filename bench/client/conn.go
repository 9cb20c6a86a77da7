package client

import (
	"errors"
	"fmt"
	"net/netip"
)

// Handler handles the events of a connection. Its methods are called by the loop.
type Handler interface {
	// Opened is called when the connection is open.
	Opened(c *Conn)
	// Arrived handles the whole messages at the front of b and returns their length
	// in bytes; the rest is passed again with the bytes that follow it. b is valid
	// during the call only.
	Arrived(c *Conn, b []byte) int
	// Ended reports that the other side or the system has ended the connection; err
	// is nil if it was closed in order. It is not called after HangUp.
	Ended(c *Conn, err error)
}

// Conn is a TCP connection of the client. It belongs to its loop.
type Conn struct {
	handler    Handler
	spill      []byte // the beginning of an incomplete message
	out        []byte // bytes that the kernel has not accepted yet
	fd         int32  // -1 once closed
	slot       int32
	Index      int32 // number of the connection in its handler
	connecting bool
	muted      bool
	tls        *secured // nil without TLS
}

// Open reports whether the connection has not ended.
func (c *Conn) Open() bool { return c.fd >= 0 }

// Muted reports whether the connection is not read any more.
func (c *Conn) Muted() bool { return c.muted }

// spillSize is the capacity of pooled spill buffers.
const spillSize = 4 << 10

// MaxMessage is the maximum length of a message, in bytes.
const MaxMessage = 16 << 20

// Dial starts a connection; the handler receives the result.
func (l *Loop) Dial(h Handler, index int, to netip.AddrPort, from netip.Addr) (*Conn, error) {
	fd, err := dial(to, from)
	if err != nil {
		return nil, err
	}
	c := &Conn{handler: h, fd: int32(fd), Index: int32(index), connecting: true}
	if n := len(l.free); n > 0 {
		c.slot = l.free[n-1]
		l.free = l.free[:n-1]
		l.conns[c.slot] = c
	} else {
		c.slot = int32(len(l.conns))
		l.conns = append(l.conns, c)
	}
	if err := l.poller.watch(fd, c.slot, canWrite); err != nil {
		l.HangUp(c, true)
		return nil, fmt.Errorf("watch a connection: %w", err)
	}
	return c, nil
}

// ready handles the poller's events of a connection.
func (l *Loop) ready(c *Conn, what uint32) {
	if c.connecting {
		if err := connected(int(c.fd)); err != nil {
			l.Lose(c, fmt.Errorf("connect: %w", err))
			return
		}
		c.connecting = false
		if l.secure != nil {
			l.shake(c)
			return
		}
		l.rewatch(c)
		if c.fd >= 0 {
			c.handler.Opened(c)
		}
		return
	}
	if what&canWrite != 0 {
		l.flush(c)
	}
	switch {
	case c.fd < 0:
	case what&(canRead|hasEnded) != 0:
		// Readiness is reported once, so what arrived with the end is read here.
		for l.read(c) || what&hasEnded != 0 && c.fd >= 0 {
		}
	case what&isBroken != 0:
		l.Lose(c, errors.New("reset by the server"))
	}
}

// rewatch updates the events that the poller reports for a connection.
func (l *Loop) rewatch(c *Conn) {
	var what uint32
	if !c.muted {
		what |= canRead | hasEnded | onEdge
	}
	if len(c.out) > 0 {
		what |= canWrite
	}
	if err := l.poller.rewatch(int(c.fd), c.slot, what); err != nil {
		l.Lose(c, fmt.Errorf("watch a connection: %w", err))
	}
}

// Mute stops reading a connection for good.
func (l *Loop) Mute(c *Conn) {
	c.muted = true
	l.rewatch(c)
}

// read reads once into the shared buffer, after the incomplete message of the last
// read. It reports whether there may be more to read.
func (l *Loop) read(c *Conn) (more bool) {
	had := copy(l.buf, c.spill)
	room := l.buf[had:]
	n, again, err := l.receiveFrom(c, room)
	switch {
	case again:
		return false
	case err != nil:
		l.Lose(c, fmt.Errorf("read: %w", err))
		return false
	case n == 0:
		l.Lose(c, nil)
		return false
	}
	more = n == len(room) || c.tls != nil // with TLS a read returns one record
	b := l.buf[:had+n]
	used := c.handler.Arrived(c, b)
	if c.fd < 0 {
		return false
	}
	l.keep(c, b[used:])
	return more && c.fd >= 0
}

// keep stores the beginning of an incomplete message.
func (l *Loop) keep(c *Conn, rest []byte) {
	switch {
	case len(rest) == 0:
		if c.spill != nil {
			l.reuse(c.spill)
			c.spill = nil
		}
		return
	case len(rest) == len(l.buf) && len(l.buf) >= MaxMessage:
		l.Lose(c, fmt.Errorf("the server sent a message of more than %d bytes", MaxMessage))
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

func (l *Loop) spillBuffer() []byte {
	if n := len(l.spills); n > 0 {
		b := l.spills[n-1]
		l.spills = l.spills[:n-1]
		return b
	}
	return make([]byte, 0, spillSize)
}

func (l *Loop) reuse(spill []byte) {
	if cap(spill) <= 16*spillSize && len(l.spills) < 1024 {
		l.spills = append(l.spills, spill[:0])
	}
}

// Write sends b. What the kernel does not accept at once is sent when it can be.
func (l *Loop) Write(c *Conn, b []byte) {
	if c.fd < 0 {
		return
	}
	if c.tls == nil {
		l.put(c, b)
		return
	}
	if _, err := c.tls.Write(b); err != nil {
		l.Lose(c, fmt.Errorf("write: %w", err))
	}
}

// put is Write below TLS.
func (l *Loop) put(c *Conn, b []byte) {
	if len(c.out) > 0 {
		c.out = append(c.out, b...)
		return
	}
	n, err := send(int(c.fd), b)
	if err != nil {
		l.Lose(c, fmt.Errorf("write: %w", err))
		return
	}
	if n < len(b) {
		c.out = append(c.out, b[n:]...)
		l.rewatch(c)
	}
}

func (l *Loop) flush(c *Conn) {
	if len(c.out) == 0 {
		return
	}
	n, err := send(int(c.fd), c.out)
	if err != nil {
		l.Lose(c, fmt.Errorf("write: %w", err))
		return
	}
	c.out = c.out[:copy(c.out, c.out[n:])]
	if len(c.out) == 0 {
		c.out = nil
		l.rewatch(c)
	}
}

// Lose ends a connection that failed, or that the server ended.
func (l *Loop) Lose(c *Conn, err error) {
	if c.fd < 0 {
		return
	}
	l.HangUp(c, true)
	c.handler.Ended(c, err)
}

// HangUp closes a connection. Its slot is reused only after the loop's turn, when no
// event of this connection is left.
func (l *Loop) HangUp(c *Conn, abrupt bool) {
	if c.fd < 0 {
		return
	}
	if fd := l.forget(c); fd >= 0 {
		hangUp(fd, abrupt)
	}
	l.freed = append(l.freed, c.slot)
}

// forget removes a connection from the loop and returns its descriptor, which the
// caller must close before the slot is reused. It returns -1 if a TLS handshake still
// uses the descriptor; the handshake then closes it.
func (l *Loop) forget(c *Conn) (fd int) {
	fd = int(c.fd)
	if c.tls != nil && !c.tls.begun {
		stopWaiting(fd)
		fd = -1
	}
	c.fd = -1
	if c.spill != nil {
		l.reuse(c.spill)
		c.spill = nil
	}
	c.out = nil
	l.conns[c.slot] = nil
	return fd
}

// Vanish resets connections at once and returns when that is done. take returns
// them; it is called on the loop. The loop continues meanwhile; otherwise it would
// measure its own pause, not the server's. Any goroutine may call Vanish.
func (l *Loop) Vanish(take func() []*Conn) {
	var fds []int
	var slots []int32
	l.Do(func() {
		for _, c := range take() {
			if c != nil && c.fd >= 0 {
				slots = append(slots, c.slot)
				fds = append(fds, l.forget(c))
			}
		}
	})
	for _, fd := range fds {
		if fd >= 0 {
			hangUp(fd, true)
		}
	}
	l.Do(func() { l.freed = append(l.freed, slots...) })
}
