package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// web serves one listener with an http.Server that can be replaced, because the
// timeouts of a running http.Server cannot change. A connection stays with its
// server. A replaced server is dropped when its last connection ends. Create one
// with newWeb.
type web struct {
	mu       sync.Mutex
	servers  []*served     // newest last
	listener net.Listener  // nil until Serve
	accepted chan struct{} // closed when Serve accepts no more and has passed on every connection
	brief    bool          // each connection ends after its request
	ending   bool
}

// served is a server with the number of its connections and requests.
type served struct {
	*http.Server
	feed *feed // nil until Serve
	// work is the number of connections and requests. A request counts too: a
	// connection that becomes a socket no longer counts, although its handler
	// still has to pass it on.
	work atomic.Int64
}

func newWeb(first *http.Server) *web {
	w := &web{accepted: make(chan struct{})}
	w.add(first)
	return w
}

// add makes s the newest server. The caller holds the lock, unless no other
// goroutine knows w.
func (w *web) add(s *http.Server) {
	next := &served{Server: s}
	answer, watch := s.Handler, s.ConnState
	s.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		next.work.Add(1)
		defer w.left(next)
		answer.ServeHTTP(rw, r)
	})
	s.ConnState = func(conn net.Conn, state http.ConnState) {
		if watch != nil {
			watch(conn, state)
		}
		if state == http.StateClosed || state == http.StateHijacked {
			w.left(next)
		}
	}
	w.servers = append(w.servers, next)
}

func (w *web) newest() *served { return w.servers[len(w.servers)-1] }

// left counts the end of a connection or a request of a server.
func (w *web) left(s *served) {
	if s.work.Add(-1) == 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.prune()
	}
}

// prune removes replaced servers without work. The caller holds the lock.
func (w *web) prune() {
	newest := w.newest()
	w.servers = slices.DeleteFunc(w.servers, func(s *served) bool { return s != newest && s.work.Load() == 0 })
}

// Serve serves until Stop or Close, as Serve of an http.Server does.
func (w *web) Serve(l net.Listener) error {
	w.mu.Lock()
	if w.ending {
		w.mu.Unlock()
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	w.listener = l
	w.serve()
	w.mu.Unlock()
	defer close(w.accepted)
	for {
		conn, err := l.Accept()
		if err == nil {
			w.give(conn)
			continue
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		_ = w.newest().feed.Close()
		if w.ending {
			return http.ErrServerClosed
		}
		return err
	}
}

// give passes a connection to the newest server, even if that is replaced
// meanwhile. During shutdown it refuses or closes the connection.
func (w *web) give(conn net.Conn) {
	for {
		w.mu.Lock()
		s, ending := w.newest(), w.ending
		s.work.Add(1)
		w.mu.Unlock()
		if s.feed.give(conn) {
			return
		}
		w.left(s)
		if ending {
			if r, ok := conn.(interface{ Refuse() }); ok {
				r.Refuse()
			} else {
				_ = conn.Close()
			}
			return
		}
	}
}

// serve starts the newest server, which gets new connections. The caller holds the
// lock.
func (w *web) serve() {
	s := w.newest()
	s.feed = &feed{addr: w.listener.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	go func() { _ = s.Serve(s.feed) }()
}

// replace makes next serve new connections.
func (w *web) replace(next *http.Server) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ending {
		return
	}
	next.SetKeepAlivesEnabled(!w.brief)
	last := w.newest()
	w.add(next)
	if w.listener != nil {
		w.serve()
		_ = last.feed.Close()
	}
	w.prune()
}

// SetKeepAlivesEnabled is SetKeepAlivesEnabled of http.Server, for all servers.
func (w *web) SetKeepAlivesEnabled(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.brief = !on
	for _, s := range w.servers {
		s.SetKeepAlivesEnabled(on)
	}
}

// Stop accepts no more connections. It returns when the accepted ones have their
// server, which still serves them.
func (w *web) Stop() {
	w.mu.Lock()
	first, l := !w.ending, w.listener
	w.ending = true
	w.mu.Unlock()
	if l == nil {
		return
	}
	if first {
		_ = l.Close()
	}
	<-w.accepted
}

// Finish accepts no more and waits until there are no connections and no requests.
// It reports whether that is so before ctx is done. Shutdown of an http.Server
// would drop a request whose head it has not read yet.
func (w *web) Finish(ctx context.Context) bool {
	w.Stop()
	w.SetKeepAlivesEnabled(false)
	return w.Quiet(ctx)
}

// Quiet waits until there are no connections and no requests. It reports whether
// that is so before ctx is done.
func (w *web) Quiet(ctx context.Context) bool {
	w.mu.Lock()
	servers := slices.Clone(w.servers)
	w.mu.Unlock()
	for _, s := range servers {
		for s.work.Load() > 0 {
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}

// Work returns the number of connections and requests. If it is 0, no socket can
// result from them.
func (w *web) Work() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.servers {
		n += int(s.work.Load())
	}
	return n
}

// Close accepts no more and ends every connection.
func (w *web) Close() error {
	w.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, s := range w.servers {
		errs = append(errs, s.Server.Close())
	}
	return errors.Join(errs...)
}

// feed is the listener of one http.Server.
type feed struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (f *feed) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

// Addr implements net.Listener.
func (f *feed) Addr() net.Addr { return f.addr }

// give passes a connection to the server. It returns false if the feed is closed.
func (f *feed) give(c net.Conn) bool {
	select {
	case f.conns <- c:
		return true
	case <-f.closed:
		return false
	}
}
