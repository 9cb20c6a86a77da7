package sockets

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// errNotOurs means that no loop can take over the descriptor of a connection.
var errNotOurs = errors.New("no event loop can take over the descriptor of this connection")

// takeOver takes a connection's socket out of Go's poller: it closes conn and returns
// a non-blocking descriptor, which is then the only one.
func takeOver(conn net.Conn) (int, error) {
	var of syscall.Conn
	switch c := conn.(type) {
	case *handed:
		if !c.whole() {
			return -1, errNotOurs
		}
		of = c.file
	case *net.TCPConn:
		of = c
	default:
		return -1, errNotOurs
	}
	fd, err := duplicate(of)
	if err != nil {
		return -1, err
	}
	if err := conn.Close(); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("close the first descriptor: %w", err)
	}
	return fd, nil
}

// duplicate returns another descriptor of a socket.
func duplicate(of syscall.Conn) (fd int, err error) {
	raw, err := of.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("reach the socket: %w", err)
	}
	var dupErr error
	err = raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, dupErr); err != nil {
		return -1, fmt.Errorf("duplicate the socket: %w", err)
	}
	return fd, nil
}

// link makes the loop the owner of a connection, with epoll if possible.
func (l *loop) link(conn net.Conn, portable bool) (of link, fd int32, err error) {
	switch secret, ok := conn.(*tls.Conn); {
	case portable:
		err = errNotOurs
	case ok:
		of, fd, err = l.secure(secret)
	default:
		of, fd, err = l.plain(conn)
	}
	switch {
	case errors.Is(err, errNotOurs):
		return newStream(l, conn), -1, nil
	case err != nil:
		_ = conn.Close()
		return nil, -1, err
	}
	return of, fd, nil
}

func (l *loop) plain(conn net.Conn) (link, int32, error) {
	fd, err := takeOver(conn)
	return l.waiter.(*epoll), int32(fd), err
}

// watch begins reading from a connection for which link was called.
func (l *loop) watch(c *conn) error {
	if s, ok := c.link.(*stream); ok {
		s.start(c)
		return nil
	}
	return l.waiter.(*epoll).watch(c)
}
