package sockets

import (
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The net.Conn that a tls.Conn on a loop reads and writes. crypto/tls keeps its state
// after a read that fails with a temporary net.Error, but never writes again after a
// failed write. So a read without data fails with notNow, and a write always succeeds:
// what the kernel does not accept waits in rest.

// notNow is the error of a read without data.
type notNow struct{}

func (notNow) Error() string   { return "nothing has come" }
func (notNow) Timeout() bool   { return true }
func (notNow) Temporary() bool { return true }

var _ net.Error = notNow{}

// Read implements net.Conn.
func (s *securedLink) Read(b []byte) (int, error) {
	if len(s.come) == 0 {
		return 0, notNow{}
	}
	n := copy(b, s.come)
	s.come = s.come[n:]
	return n, nil
}

// Write implements net.Conn.
func (s *securedLink) Write(b []byte) (int, error) {
	if s.mute || s.failed != 0 {
		return len(b), nil
	}
	sent := 0
	if len(s.rest) == 0 {
		sent = s.send(b)
	}
	if s.gone > 0 {
		s.rest, s.gone = append(s.rest[:0], s.rest[s.gone:]...), 0
	}
	s.rest = append(s.rest, b[sent:]...)
	return len(b), nil
}

// send returns how many bytes the kernel has accepted.
func (s *securedLink) send(b []byte) (sent int) {
	for sent < len(b) {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&b[sent])), uintptr(len(b)-sent),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return sent + int(n) // if that is not all, the socket's buffer is full
		case unix.EINTR:
		case unix.EAGAIN:
			return sent
		default:
			s.failed = errno
			return sent
		}
	}
	return sent
}

// Close implements net.Conn. It does nothing: the loop closes the socket.
func (s *securedLink) Close() error { return nil }

// LocalAddr implements net.Conn.
func (s *securedLink) LocalAddr() net.Addr { return nil }

// RemoteAddr implements net.Conn.
func (s *securedLink) RemoteAddr() net.Addr { return nil }

// SetDeadline implements net.Conn. It does nothing: no call waits.
func (s *securedLink) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (s *securedLink) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (s *securedLink) SetWriteDeadline(time.Time) error { return nil }
