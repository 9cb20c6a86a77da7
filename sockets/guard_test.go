//go:build unix

package sockets

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"fanfare/channels"
)

// refusing is a listener whose system has no files left at first.
type refusing struct {
	net.Listener
	accept func() (net.Conn, error)
}

func (r *refusing) Accept() (net.Conn, error) { return r.accept() }

// The process may have descriptors left when the system has no files
// (ENFILE): scarce does not see that.
func TestGuard_TheSystemHasNoFiles_ConnectionsAreClosedBeforeItAcceptsAgain(t *testing.T) {
	s, err := New(Config{Loops: 1, Portable: true, Capacity: Capacity{ScarceFrom: 1 << 20}}, channels.New(channels.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.loops[0].waiter.close()
	want, other := net.Pipe()
	defer func() { _, _ = want.Close(), other.Close() }()
	calls := 0
	l := s.guard(&refusing{accept: func() (net.Conn, error) {
		calls++
		if calls == 1 {
			return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", unix.ENFILE)}
		}
		select {
		case <-s.short:
		default:
			t.Error("it accepts again, and nothing was closed")
		}
		return want, nil
	}}, func() bool { return false })
	if got, err := l.Accept(); got != want || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
