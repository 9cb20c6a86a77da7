package sockets

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// handed is a connection that a loop has handed to net/http. When net/http has
// answered and nothing more arrives for a moment, the connection goes back to its
// loop, where it takes a twentieth of the memory. net/http gets an end of file as if
// the client had disconnected. httpapi calls Idle and Served.
//
// No byte may be lost or read twice. Bytes that net/http has read and not used are
// only in its buffer, which it fills with Peek while the connection is idle. The slice
// it then passes to Read is the free part of the buffer, and the first slice it ever
// passed is the whole buffer. The difference of their lengths is the number of unused
// bytes, which are the last ones that Read returned.
type handed struct {
	loop   *loop
	cfg    *FrontConfig
	from   netip.AddrPort
	remote net.Addr
	fd     int      // valid until net/http has accepted the connection
	file   *os.File // set from then on

	read []byte // bytes that the loop has read and net/http has not
	cut  bool   // the rest of the request did not arrive in time
	// The client's connection to its proxy is encrypted.
	secure bool

	buffer int // size of net/http's buffer in bytes
	tail   [mostPeeked]byte
	tailed int // number of valid bytes at the end of tail
	blanks int // line ends that may precede the next request

	rest    restState
	resting atomic.Bool // counted in Server.resting
	reading atomic.Bool // net/http waits for the rest of a request

	mu       sync.Mutex
	awaiting bool // net/http reads the beginning of the next request
	ended    bool // the file is closed
	back     bool // and the loop owns the socket again
	left     bool // the Door does not count it
}

// handOver passes a connection's socket to net/http, with the bytes that were read.
// If net/http accepts no more connections, the request is refused.
func (l *loop) handOver(c *conn, read []byte) {
	f := c.front
	if f.carrier != nil {
		l.move(c)
		return
	}
	if l.front == nil {
		c.unavailable(nil)
		return
	}
	h := &handed{
		loop: l, cfg: f.cfg, from: f.remote, remote: net.TCPAddrFromAddrPort(f.remote), fd: int(c.fd),
		read: append([]byte(nil), read...), cut: f.cut, secure: f.secure,
	}
	_ = l.waiter.(*epoll).control(unix.EPOLL_CTL_DEL, h.fd, 0, handle{})
	if !l.front.listener.put(h) {
		if l.watch(c) != nil {
			c.die()
			return
		}
		c.unavailable(nil)
		return
	}
	c.fd, c.state = -1, connDead
	f.held = false
}

// open registers the socket with Go's poller and reports whether that succeeded.
func (h *handed) open() bool {
	h.file = os.NewFile(uintptr(h.fd), "")
	if err := h.file.SetDeadline(time.Time{}); err != nil {
		_ = h.Close()
		return false
	}
	return true
}

// last is called when the loop accepts no more. It reads once more from an idle
// connection and closes it if nothing has arrived. If another process has taken over,
// a connection that has not sent its first request stays open, so that the request
// is answered.
func (l *loop) last(c *conn) {
	if c.idle() {
		l.waiter.(*epoll).read(c)
	}
	if c.idle() && !c.fresh() {
		c.die()
	}
}

// Leave must be called when the connection becomes a socket, and Enter when it no
// longer is one.
func (h *handed) Leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leave()
}

// leave takes the connection out of the Door's count, unless the loop owns it again.
// The caller holds the lock.
func (h *handed) leave() {
	if !h.left && !h.back {
		h.left = true
		h.cfg.Door.Leave(h.from.Addr())
	}
}

// Enter undoes Leave.
func (h *handed) Enter() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left && !h.ended {
		h.left = false
		h.cfg.Door.Enter(h.from.Addr())
	}
}

// Secure reports whether the client's connection to its proxy is encrypted,
// according to the PROXY header.
func (h *handed) Secure() bool { return h.secure }

// Reading reports whether net/http waits for the rest of a request and no more of
// it has arrived.
func (h *handed) Reading() bool {
	if !h.reading.Load() {
		return false
	}
	more := false
	if raw, err := h.file.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { more = received(int(fd)) })
	}
	return !more
}

// Expire ends net/http's wait for the rest of a request.
func (h *handed) Expire() { _ = h.file.SetReadDeadline(time.Unix(1, 0)) }

// Read implements net.Conn.
func (h *handed) Read(b []byte) (n int, err error) {
	if h.buffer == 0 {
		h.buffer = len(b)
	}
	if h.rest == peeking {
		if peeked := h.buffer - len(b); peeked >= 0 && peeked <= h.tailed {
			n, err = h.await(b, peeked)
			h.note(b[:n])
			return n, err
		}
	}
	switch {
	case len(h.read) > 0:
		n = h.early(b)
	case h.cut:
		return 0, os.ErrDeadlineExceeded
	default:
		h.reading.Store(len(b) > 1) // net/http reads one byte to detect that the client disconnects
		n, err = h.file.Read(b)
		h.reading.Store(false)
	}
	h.note(b[:n])
	return n, h.failed("read", err)
}

// early copies bytes that the loop has read to b.
func (h *handed) early(b []byte) int {
	n := copy(b, h.read)
	if h.read = h.read[n:]; len(h.read) == 0 {
		h.read = nil
	}
	return n
}

// end closes the file. The caller holds the lock.
func (h *handed) end() {
	if !h.ended {
		h.ended = true
		h.leave()
		_ = h.file.Close()
	}
	h.stir() // net/http may have answered after the connection was closed
}

// Close implements net.Conn.
func (h *handed) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end()
	return nil
}

// Write implements net.Conn.
func (h *handed) Write(b []byte) (int, error) {
	n, err := h.file.Write(b)
	return n, h.failed("write", err)
}

// failed converts an error of the file to a *net.OpError, which net/http expects.
func (h *handed) failed(op string, err error) error {
	var of *os.PathError
	switch {
	case !errors.As(err, &of):
		return err
	case errors.Is(of.Err, os.ErrClosed):
		return &net.OpError{Op: op, Net: "tcp", Addr: h.remote, Err: net.ErrClosed}
	}
	return &net.OpError{Op: op, Net: "tcp", Addr: h.remote, Err: of.Err}
}

// LocalAddr implements net.Conn.
func (h *handed) LocalAddr() net.Addr { return h.loop.server.address }

// RemoteAddr is the client's address. It is unknown if the client had
// disconnected before the socket was handed over.
func (h *handed) RemoteAddr() net.Addr { return h.remote }

// SetReadDeadline implements net.Conn. net/http sets a deadline before and after
// it waits for a request.
func (h *handed) SetReadDeadline(t time.Time) error {
	switch h.rest {
	case answered:
		h.rest = peeking
		t = time.Now().Add(h.loop.server.restTime())
	case peeking:
		h.rest = serving
		h.stir()
	case serving:
	}
	return h.file.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (h *handed) SetWriteDeadline(t time.Time) error { return h.file.SetWriteDeadline(t) }

// SetDeadline implements net.Conn.
func (h *handed) SetDeadline(t time.Time) error {
	return errors.Join(h.SetReadDeadline(t), h.SetWriteDeadline(t))
}

// CloseWrite ends the sending side, as net/http does before it closes.
func (h *handed) CloseWrite() error {
	raw, err := h.file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) })
}

// whole reports whether net/http has everything that was read from the client and may
// read more.
func (h *handed) whole() bool { return len(h.read) == 0 && !h.cut }
