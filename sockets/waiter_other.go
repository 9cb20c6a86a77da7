//go:build !linux

package sockets

import (
	"bufio"
	"net"
	"runtime"
	"time"
)

// portableWaiter waits on a channel: without epoll every connection has a goroutine
// that reads, and a loop waits for mail only.
type portableWaiter struct {
	woken chan struct{}
}

func newWaiter(*loop) (waiter, error) {
	return &portableWaiter{woken: make(chan struct{}, 1)}, nil
}

func (w *portableWaiter) wait(timeout time.Duration) (worked, more bool) {
	if timeout <= 0 {
		select {
		case <-w.woken:
			return true, false
		default:
			return false, false
		}
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-w.woken:
		return true, false
	case <-timer.C:
		return false, false
	}
}

func (w *portableWaiter) yield(bool) { runtime.Gosched() }

func (w *portableWaiter) write(c *conn) (bytes int) {
	waited := c.queue.bytes
	c.link.flush(c)
	return waited - c.queue.bytes
}

func (w *portableWaiter) send() {}

func (w *portableWaiter) name() string { return "goroutine" }

func (w *portableWaiter) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

func (w *portableWaiter) close() {}

func (l *loop) link(conn net.Conn, _ bool) (link, int32, error) {
	return newStream(l, conn), -1, nil
}

func (l *loop) watch(c *conn) error {
	c.link.(*stream).start(c)
	return nil
}

// overWire returns conn: without epoll, connections over TLS keep their goroutines.
func overWire(conn net.Conn) net.Conn { return conn }

// These do nothing: without epoll, no loop has a connection over TLS.
func (*conn) readAhead()          {}
func (*conn) sealed() int         { return 0 }
func (*conn) sealedSince() uint32 { return 0 }
func (*conn) unseal()             {}

// catchUp does nothing: loops without epoll read no requests.
func (*loop) catchUp(*conn) bool { return false }

// refuseUnasked does nothing: without epoll, no loop accepts connections.
func (*conn) refuseUnasked([]byte) {}

// answerMissed does nothing, for the same reason.
func (*conn) answerMissed() {}

// accepting does not exist without epoll.
type accepting struct{}

func (l *loop) resume() {}

func (l *loop) trim() {}

func (l *loop) handOver(c *conn, _ []byte) { c.state = connDead }

func (l *loop) stopAccepting() {}

func (l *loop) leaveListener() {}

// Front returns l, guarded: without epoll, net/http accepts every connection.
func (s *Server) Front(l net.Listener, cfg FrontConfig) (net.Listener, error) {
	return s.frontOf(l, &cfg), nil
}

// SetFront does nothing on this system.
func (s *Server) SetFront(FrontConfig) {}

// Carries returns false: net/http answers every request.
func Carries(net.Conn) bool { return false }

// Carry closes the connection. It is not called, since Carries returns false.
func (s *Server) Carry(nc net.Conn, _ *bufio.Reader, w Carriage) {
	_ = nc.Close()
	w.Response.Done(0)
}

// setDown does nothing: no loop carries a response.
func (*conn) setDown() {}
