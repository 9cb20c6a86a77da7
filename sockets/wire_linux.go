package sockets

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// wire is the net.Conn below a tls.Conn. At first its Conn is the accepted connection:
// net/http does the handshake and reads the request for a WebSocket, with its goroutine
// and its deadlines. Then its Conn is the link of the connection on a loop, a change that
// the tls.Conn does not see. From then on only the loop may use the tls.Conn.
type wire struct {
	net.Conn
	claimed atomic.Bool // by the loop, or by the goroutine that closes it: see Claim
}

func overWire(conn net.Conn) net.Conn { return &wire{Conn: conn} }

func (w *wire) claim() bool { return w.claimed.CompareAndSwap(false, true) }

// secure makes the loop the owner of a connection over TLS, if it is one of OverTLS.
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
