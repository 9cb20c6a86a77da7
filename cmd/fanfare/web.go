package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
)

// web serves one listener, by an http.Server that can be replaced: the timeouts
// of an http.Server cannot change while it serves. A connection stays with the
// server that it came to. Make one with newWeb.
type web struct {
	mu       sync.Mutex
	servers  []*http.Server // the newest last
	newest   *feed          // of its connections
	listener net.Listener   // nil until Serve
	brief    bool           // connections end behind their request
	ending   bool
}

func newWeb(first *http.Server) *web { return &web{servers: []*http.Server{first}} }

// Serve serves until Shutdown or Close, as that of an http.Server does.
func (w *web) Serve(l net.Listener) error {
	w.mu.Lock()
	if w.ending {
		w.mu.Unlock()
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	w.listener = l
	w.serve(w.servers[len(w.servers)-1])
	w.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err == nil {
			w.give(conn)
			continue
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.ending {
			return http.ErrServerClosed
		}
		return err
	}
}

// give hands a connection to the newest server, also if that is replaced
// meanwhile.
func (w *web) give(conn net.Conn) {
	for {
		w.mu.Lock()
		f, ending := w.newest, w.ending
		w.mu.Unlock()
		if f.give(conn) {
			return
		}
		if ending {
			_ = conn.Close()
			return
		}
	}
}

// serve gives new connections to s. The caller holds the lock.
func (w *web) serve(s *http.Server) {
	if w.newest != nil {
		_ = w.newest.Close()
	}
	f := &feed{addr: w.listener.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	w.newest = f
	go func() { _ = s.Serve(f) }()
}

// replace has new connections served by next.
func (w *web) replace(next *http.Server) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ending {
		return
	}
	next.SetKeepAlivesEnabled(!w.brief)
	w.servers = append(w.servers, next)
	if w.listener != nil {
		w.serve(next)
	}
}

// SetKeepAlivesEnabled is that of an http.Server.
func (w *web) SetKeepAlivesEnabled(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.brief = !on
	for _, s := range w.servers {
		s.SetKeepAlivesEnabled(on)
	}
}

// Shutdown accepts no more and waits for requests under way, as that of an
// http.Server does.
func (w *web) Shutdown(ctx context.Context) error {
	return w.end(func(s *http.Server) error { return s.Shutdown(ctx) })
}

// Close ends every connection.
func (w *web) Close() error { return w.end((*http.Server).Close) }

func (w *web) end(how func(*http.Server) error) error {
	w.mu.Lock()
	if !w.ending && w.listener != nil {
		_ = w.listener.Close()
		_ = w.newest.Close()
	}
	w.ending = true
	servers := slices.Clone(w.servers)
	w.mu.Unlock()
	errs := make([]error, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { errs[i] = how(s) })
	}
	all.Wait()
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

// give tells whether the server took the connection: not once it accepts no
// more.
func (f *feed) give(c net.Conn) bool {
	select {
	case f.conns <- c:
		return true
	case <-f.closed:
		return false
	}
}
