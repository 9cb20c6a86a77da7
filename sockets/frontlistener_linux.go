package sockets

import (
	"log/slog"
	"net"
	"sync"

	"fanfare/channels"
)

// frontListener is the listener from which net/http accepts the connections that the
// loops hand over. Handing over never blocks: the queue is only limited by the number
// of HTTP connections, which has a limit.
type frontListener struct {
	net.Listener
	server *Server

	mu     sync.Mutex
	some   sync.Cond // signalled when the queue gets a connection or the listener is closed
	queue  []*handed
	closed bool
}

func newFrontListener(l net.Listener, s *Server) *frontListener {
	f := &frontListener{Listener: l, server: s}
	f.some.L = &f.mu
	return f
}

// put hands a connection to net/http. It returns false if the listener is closed.
func (f *frontListener) put(h *handed) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.queue = append(f.queue, h)
	f.some.Signal()
	return true
}

// Accept implements net.Listener.
func (f *frontListener) Accept() (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.closed {
		if len(f.queue) == 0 {
			f.some.Wait()
			continue
		}
		h := f.queue[0]
		f.queue[0] = nil
		if len(f.queue) > 1 {
			f.queue = f.queue[1:]
		} else {
			f.queue = f.queue[:0]
		}
		if h.open() {
			return h, nil
		}
		f.server.cfg.Logger.Warn("connection lost: it could not be passed to net/http", slog.String("address", h.from.Addr().String()))
	}
	return nil, net.ErrClosed
}

// Close implements net.Listener. The loops accept no more connections and take
// back those that net/http has not accepted. Connections between two requests are
// closed.
func (f *frontListener) Close() error {
	f.mu.Lock()
	first, queue := !f.closed, f.queue
	f.closed, f.queue = true, nil
	f.some.Broadcast()
	f.mu.Unlock()
	if !first { // net/http closes it too, when Accept has returned
		return net.ErrClosed
	}
	for _, l := range f.server.loops {
		l.Post(channels.Call(l.stopAccepting))
	}
	for _, h := range queue {
		h.post(h.fd, h.read)
	}
	return f.Listener.Close()
}
