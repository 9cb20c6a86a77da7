package sockets

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// wire is what a tls.Conn reads and writes. At first that is the connection that
// was accepted: the handshake and the request for a WebSocket are net/http's, with
// its goroutine and its deadlines. Then it is the link of the connection on its
// loop, and the tls.Conn knows nothing of the change. From there on only the loop may
// touch the tls.Conn.
type wire struct {
	net.Conn
	claimed atomic.Bool // by the loop, or by who closes it: see Claim
}

func overWire(conn net.Conn) net.Conn { return &wire{Conn: conn} }

func (w *wire) claim() bool { return w.claimed.CompareAndSwap(false, true) }

// secure makes a connection over TLS the loop's, if it is over a wire of ours.
func (l *loop) secure(conn *tls.Conn) (link, int32, error) {
	w, ok := conn.NetConn().(*wire)
	if !ok || !conn.ConnectionState().HandshakeComplete {
		return nil, -1, errNotOurs
	}
	records, messages := buffersOf(conn)
	if records == nil || l.server.cfg.unknownTLS {
		return nil, -1, errNotOurs
	}
	below := w.Conn
	from := addressOf(below.RemoteAddr())
	if a, ok := below.(*announced); ok {
		if len(a.early) > 0 {
			return nil, -1, errNotOurs
		}
		below = a.Conn
	}
	of, ok := below.(syscall.Conn)
	if !ok {
		return nil, -1, errNotOurs
	}
	if !w.claim() {
		return nil, -1, net.ErrClosed
	}
	fd, err := duplicate(of)
	if err != nil {
		return nil, -1, err
	}
	if err := below.Close(); err != nil {
		_ = unix.Close(fd)
		return nil, -1, fmt.Errorf("close the first descriptor: %w", err)
	}
	s := &securedLink{epoll: l.waiter.(*epoll), conn: conn, records: records, messages: messages, fd: fd, from: from}
	s.renews = conn.ConnectionState().Version >= tls.VersionTLS13
	dropHello(conn)
	w.Conn = s
	return s, int32(fd), nil
}
