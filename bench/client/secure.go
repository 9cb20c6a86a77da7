package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// handshakeTimeout is how long a TLS handshake may take.
const handshakeTimeout = 30 * time.Second

// Secure makes every connection use TLS. It is called before the first Dial.
func (l *Loop) Secure(config *tls.Config) { l.Do(func() { l.secure = config }) }

// secured is the TLS state of a connection.
type secured struct {
	*tls.Conn
	wire  *wire
	begun bool // the handshake is over, and the loop reads and writes
}

// wire is the net.Conn under crypto/tls: the descriptor. During the handshake its
// reads and writes block the handshake's goroutine. Afterwards the loop uses it, and
// they do not block.
type wire struct {
	fd       int
	loop     *Loop
	conn     *Conn // nil during the handshake
	deadline time.Time
}

// notNow is the error of a read that would block. It is temporary, because crypto/tls
// keeps its state after a temporary error.
type notNow struct{}

func (notNow) Error() string   { return "nothing to read now" }
func (notNow) Timeout() bool   { return true }
func (notNow) Temporary() bool { return true }

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	for {
		n, again, err := receive(w.fd, b)
		switch {
		case again && w.conn != nil:
			return 0, notNow{}
		case again:
			if err := w.await(canRead); err != nil {
				return 0, err
			}
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, net.ErrClosed
		}
		if w.conn != nil {
			w.loop.received += int64(n)
		}
		return n, nil
	}
}

// Write implements net.Conn. The loop keeps what the kernel does not accept.
func (w *wire) Write(b []byte) (int, error) {
	if w.conn != nil {
		w.loop.put(w.conn, b)
		if w.conn.fd < 0 {
			return 0, net.ErrClosed
		}
		return len(b), nil
	}
	for sent := 0; ; {
		n, err := send(w.fd, b[sent:])
		if err != nil {
			return sent, err
		}
		if sent += n; sent == len(b) {
			return sent, nil
		}
		if err := w.await(canWrite); err != nil {
			return sent, err
		}
	}
}

func (w *wire) await(what uint32) error {
	left := time.Until(w.deadline)
	if left <= 0 {
		return os.ErrDeadlineExceeded
	}
	return await(w.fd, what, left)
}

// Close implements net.Conn; the loop closes the descriptor.
func (w *wire) Close() error                     { return nil }
func (w *wire) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (w *wire) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// shake starts the TLS handshake of an open connection, on a goroutine that owns the
// descriptor until the handshake is over.
func (l *Loop) shake(c *Conn) {
	if err := l.poller.unwatch(int(c.fd)); err != nil {
		l.Lose(c, fmt.Errorf("watch a connection: %w", err))
		return
	}
	w := &wire{fd: int(c.fd), loop: l, deadline: time.Now().Add(handshakeTimeout)}
	t := &secured{Conn: tls.Client(w, l.secure), wire: w}
	c.tls = t
	l.shaking++
	l.handshakes.Go(func() {
		err := t.Handshake()
		l.post(func() { l.shaken(c, t, err) })
	})
}

// shaken returns a connection to the loop after its handshake. If the connection was
// closed meanwhile, it closes the descriptor.
func (l *Loop) shaken(c *Conn, t *secured, err error) {
	t.begun = true
	l.shaking--
	if c.fd < 0 {
		hangUp(t.wire.fd, true)
		return
	}
	if err == nil {
		err = l.poller.watch(int(c.fd), c.slot, canRead|hasEnded|onEdge)
	}
	if err != nil {
		l.Lose(c, fmt.Errorf("TLS handshake: %w", err))
		return
	}
	t.wire.conn = c
	if t.ConnectionState().DidResume {
		l.resumed++
	}
	c.handler.Opened(c)
	if c.fd >= 0 {
		l.drain(c) // data after the handshake may be buffered already, and the poller does not report it
	}
}

// drain reads until nothing is left to read.
func (l *Loop) drain(c *Conn) {
	for l.read(c) {
	}
}

// receiveFrom reads from a connection once, over TLS or not.
func (l *Loop) receiveFrom(c *Conn, room []byte) (n int, again bool, err error) {
	if c.tls == nil {
		n, again, err = receive(int(c.fd), room)
		l.received += int64(n)
		return n, again, err
	}
	n, err = c.tls.Read(room)
	switch {
	case err == nil:
		return n, n == 0, nil
	case errors.As(err, &notNow{}):
		return n, n == 0, nil
	case errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || c.fd < 0:
		return n, false, nil
	}
	return n, false, err
}

// Received returns how many bytes the loop's connections have read, including TLS
// records and HTTP. The loop calls it.
func (l *Loop) Received() int64 { return l.received }

// Resumed returns how many TLS handshakes resumed a session. The loop calls it.
func (l *Loop) Resumed() int { return l.resumed }
