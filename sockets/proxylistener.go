package sockets

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// mostAnnouncing is how many connections may have a pending PROXY header at a time. At
// this number, further connections wait in the kernel's queue, and the pending headers
// have to arrive within hurriedTimeout.
const (
	mostAnnouncing = 256
	hurriedTimeout = time.Second
)

// Limits of what a refused connection may still send before it is closed.
const (
	refusalTimeout = time.Second
	refusalBytes   = 64 << 10
)

// proxyListener is a listener some of whose connections begin with a PROXY header
// that no loop reads. Accept returns connections whose header has been read, so that a
// slow header does not delay other connections.
type proxyListener struct {
	net.Listener
	headers *ProxyHeaders
	ready   chan accepted
	places  chan struct{}
	begin   sync.Once
	wait    sync.WaitGroup // all goroutines

	mu      sync.Mutex
	waiting map[net.Conn]bool // those with a pending header; true if hurry has shortened its deadline
	closed  chan struct{}
	ended   bool
}

// accepted is a result of Accept.
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
	p.begin.Do(func() {}) // run cannot begin any more
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

// place waits for a place for one more connection and takes it. It returns false if the
// listener is closed.
func (p *proxyListener) place() bool {
	for {
		var again <-chan time.Time
		if len(p.places) == cap(p.places) {
			p.hurry()
			again = time.After(hurriedTimeout) // other connections may be pending by then
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

// hurry shortens the deadlines of all pending headers.
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

// hand has Accept return a connection or an error.
func (p *proxyListener) hand(conn net.Conn, err error) {
	select {
	case p.ready <- accepted{conn, err}:
	case <-p.closed:
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// announce reads the header of a connection and hands the connection to Accept.
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

// hold sets the deadline of a connection's header and has Close close the connection.
// It returns false if Close was called before.
func (p *proxyListener) hold(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.waiting[conn] = false
		_ = conn.SetReadDeadline(time.Now().Add(p.headers.Timeout())) // fails only if the read fails too
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

// announced is a connection whose PROXY header, if it has one, was read.
type announced struct {
	net.Conn
	client netip.AddrPort
	secure bool
	early  []byte // bytes of the client that were read with the header
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

// refuse writes the answer to a connection that is closed next. It reads what else the
// client sends for a moment: closing with unread data would send a reset, and the client
// might not get the answer.
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

// addressOf returns the IP address of a peer. It is invalid over a Unix socket.
func addressOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
