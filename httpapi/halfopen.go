package httpapi

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// halfOpen bounds the connections of one address that have not sent a whole
// request yet. Those are the ones that cost us without being anybody: nothing
// else bounds them but the header timeout. It also knows net/http's connections
// whose request takes its time, its body most likely, to close them when
// descriptors are short.
type halfOpen struct {
	most    atomic.Int64
	exempt  func(netip.Addr) bool
	refused func(netip.Addr)

	mu     sync.Mutex
	conns  map[net.Conn]pending
	counts map[netip.Addr]int
}

// pending is a connection of net/http's with a request under way, or none yet.
type pending struct {
	addr  netip.Addr // not valid if it is not counted
	since time.Time
}

func newHalfOpen(most int, exempt func(netip.Addr) bool, refused func(netip.Addr)) *halfOpen {
	h := &halfOpen{
		exempt: exempt, refused: refused,
		conns: make(map[net.Conn]pending), counts: make(map[netip.Addr]int),
	}
	h.most.Store(int64(most))
	return h
}

// watch is an http.Server's ConnState. A connection is new until the headers
// of its first request are read, and active until a request is answered and its
// body read.
func (h *halfOpen) watch(conn net.Conn, state http.ConnState) {
	if state != http.StateNew {
		h.settle(conn)
		if state == http.StateActive {
			h.add(conn, pending{since: time.Now()})
		}
		return
	}
	var addr netip.Addr
	if remote := conn.RemoteAddr(); remote != nil { // it need not be known, and nobody recovers here
		addr = peer(remote.String())
	}
	if addr.IsValid() && !h.Admit(addr) {
		_ = conn.Close()
		return
	}
	h.add(conn, pending{addr, time.Now()})
}

func (h *halfOpen) add(conn net.Conn, p pending) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns[conn] = p
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// remember is an http.Server's ConnContext.
func (h *halfOpen) remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// carries says that a request is the way of an HTTP session, which stays as
// long as the session does: it counts among the sockets.
func (h *halfOpen) carries(r *http.Request) {
	if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		h.settle(conn)
	}
}

// cut closes the connections that have been pending for longer than a time.
func (h *halfOpen) cut(than time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for conn, c := range h.conns {
		if time.Since(c.since) > than {
			go func() { _ = conn.Close() }() // TLS may take its time
		}
	}
}

// Admit counts a connection of an address, or refuses it.
func (h *halfOpen) Admit(addr netip.Addr) bool {
	most := int(h.most.Load())
	if most <= 0 || h.exempt(addr) {
		return true
	}
	from := addr
	addr = network(addr)
	h.mu.Lock()
	full := h.counts[addr] >= most
	if !full {
		h.counts[addr]++
	}
	h.mu.Unlock()
	if full {
		h.refused(from)
	}
	return !full
}

// Settle takes an admitted connection of an address out of the count. Whether
// it was counted may have changed since it was admitted.
func (h *halfOpen) Settle(addr netip.Addr) {
	addr = network(addr)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counts[addr]--; h.counts[addr] <= 0 {
		delete(h.counts, addr)
	}
}

func (h *halfOpen) settle(conn net.Conn) {
	h.mu.Lock()
	c := h.conns[conn]
	delete(h.conns, conn)
	h.mu.Unlock()
	if c.addr.IsValid() {
		h.Settle(c.addr)
	}
}

// network is what one customer of a provider has: an IPv4 address, or the /64
// of an IPv6 address.
func network(addr netip.Addr) netip.Addr {
	if addr.Is4() {
		return addr
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return p.Addr()
}
