package sockets

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// mostAnnouncing is how many connections may be waited for their PROXY header at
// a time. Further ones wait in the kernel's queue, and those that are waited for
// have no more than hurriedTimeout from then on.
const (
	mostAnnouncing = 256
	hurriedTimeout = time.Second
)

// Bounds of how a refused connection ends.
const (
	refusalTimeout = time.Second
	refusalBytes   = 64 << 10
)

// proxyListener is a listener some of whose connections begin with a PROXY header
// that no loop reads. Accept returns connections whose header has been read, so
// that one that takes its time holds up no other.
type proxyListener struct {
	net.Listener
	headers *ProxyHeaders
	ready   chan accepted
	places  chan struct{}
	begin   sync.Once
	wait    sync.WaitGroup // all goroutines

	mu      sync.Mutex
	waiting map[net.Conn]bool // for their header, and whether in a hurry
	closed  chan struct{}
	ended   bool
}

// accepted is what Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

// WithProxyHeaders returns a listener that reads the PROXY headers of the
// connections of l, or l itself if h is nil. It is needed below TLS; without TLS,
// Front reads the headers.
func WithProxyHeaders(l net.Listener, h *ProxyHeaders) net.Listener {
	if h == nil {
		return l
	}
	return &proxyListener{
		Listener: l, headers: h, ready: make(chan accepted), places: make(chan struct{}, mostAnnouncing),
		waiting: make(map[net.Conn]bool), closed: make(chan struct{}),
	}
}

// Accept implements net.Listener.
func (p *proxyListener) Accept() (net.Conn, error) {
	p.begin.Do(func() { p.wait.Go(p.run) })
	select {
	case a := <-p.ready:
		return a.conn, a.err
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. It also closes the connections whose header has
// not arrived.
func (p *proxyListener) Close() error {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return net.ErrClosed
	}
	p.ended = true
	close(p.closed)
	for conn := range p.waiting {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.begin.Do(func() {}) // nothing begins any more
	err := p.Listener.Close()
	p.wait.Wait()
	return err
}

// run accepts until the listener is closed.
func (p *proxyListener) run() {
	for {
		if !p.place() {
			return
		}
		conn, err := p.Listener.Accept()
		expects := NoProxyHeader
		if err == nil {
			expects = p.headers.Expect(addressOf(conn.RemoteAddr()))
		}
		if expects == NoProxyHeader {
			<-p.places
			p.hand(conn, err)
			continue
		}
		p.wait.Go(func() {
			defer func() { <-p.places }()
			p.announce(conn, expects)
		})
	}
}

// place takes a place for one more connection, and reports whether it has not been
// closed.
func (p *proxyListener) place() bool {
	for {
		var again <-chan time.Time
		if len(p.places) == cap(p.places) {
			p.hurry()
			again = time.After(hurriedTimeout) // others may have begun to wait
		}
		select {
		case p.places <- struct{}{}:
			return true
		case <-p.closed:
			return false
		case <-again:
		}
	}
}

// hurry has the connections that are waited for send their header soon.
func (p *proxyListener) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	soon := time.Now().Add(hurriedTimeout)
	for conn, hurried := range p.waiting {
		if !hurried {
			p.waiting[conn] = true
			_ = conn.SetReadDeadline(soon)
		}
	}
}

// hand has Accept return a connection, or why there is none.
func (p *proxyListener) hand(conn net.Conn, err error) {
	select {
	case p.ready <- accepted{conn, err}:
	case <-p.closed:
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// announce reads the header of a connection and hands it on.
func (p *proxyListener) announce(conn net.Conn, expects Expectation) {
	if !p.hold(conn) {
		_ = conn.Close()
		return
	}
	a, err := readAnnounced(conn, expects)
	if errors.Is(err, errNoProxyHeader) || errors.Is(err, errBadProxyHeader) {
		a.refuse(p.headers.Refused(addressOf(conn.RemoteAddr()), err))
	}
	p.release(conn)
	if err = errors.Join(err, conn.SetReadDeadline(time.Time{})); err != nil {
		_ = conn.Close()
		return
	}
	p.hand(a, nil)
}

// hold has Close end a connection, and reports whether it has not been called.
func (p *proxyListener) hold(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.waiting[conn] = false
		_ = conn.SetReadDeadline(time.Now().Add(p.headers.Timeout())) // fails only if the read will
	}
	return !p.ended
}

func (p *proxyListener) release(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, conn)
}

// readAnnounced reads the header of a connection.
func readAnnounced(conn net.Conn, expects Expectation) (*announced, error) {
	a := &announced{Conn: conn}
	const usual = 256
	got := make([]byte, 0, usual)
	for {
		if len(got) == cap(got) {
			got = append(got, make([]byte, len(got))...)[:len(got)]
		}
		n, failed := conn.Read(got[len(got):cap(got)])
		got = got[:len(got)+n]
		h, size, err := readProxyHeader(got)
		switch {
		case errors.Is(err, errNoProxyHeader) && expects == MayProxyHeader:
		case err != nil:
			return a, err
		case size == 0 && failed != nil:
			return a, failed
		case size == 0:
			continue
		}
		a.client, a.secure, a.early = h.source, h.secure, got[size:]
		return a, nil
	}
}

// announced is a connection whose proxy has said whose it is.
type announced struct {
	net.Conn
	client netip.AddrPort
	secure bool
	early  []byte // read with the header
}

// Read implements net.Conn.
func (a *announced) Read(b []byte) (int, error) {
	if len(a.early) == 0 {
		return a.Conn.Read(b)
	}
	n := copy(b, a.early)
	if a.early = a.early[n:]; len(a.early) == 0 {
		a.early = nil
	}
	return n, nil
}

// refuse answers a connection that is closed then. What else it sends is read for
// a moment: unread, it would turn the end into a reset, before the answer is seen.
func (a *announced) refuse(answer []byte) {
	_ = a.SetDeadline(time.Now().Add(refusalTimeout))
	if _, err := a.Conn.Write(answer); err == nil && a.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(a.Conn, refusalBytes))
	}
}

// RemoteAddr is the client's address, or the proxy's if the header names no
// client.
func (a *announced) RemoteAddr() net.Addr {
	if !a.client.IsValid() {
		return a.Conn.RemoteAddr()
	}
	return net.TCPAddrFromAddrPort(a.client)
}

// Secure reports whether the client's connection to the proxy is encrypted.
func (a *announced) Secure() bool { return a.secure }

// CloseWrite ends the sending side.
func (a *announced) CloseWrite() error {
	if half, ok := a.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// addressOf is the address of a peer; invalid if it has none, over a Unix socket.
func addressOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
