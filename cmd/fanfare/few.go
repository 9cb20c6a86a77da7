package main

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Maximum numbers of connections of the operator's own callers: for metrics, the
// control socket, commands that follow the log, and the admin API.
const (
	mostScrapes  = 8
	mostControls = 2
	mostTails    = 4
	mostAdmins   = 64
)

// few is a listener that limits the number of open connections. For one more it
// closes the oldest connection of the network that has the most connections. So no
// caller can take all file descriptors from the clients, or all connections from
// other callers.
type few struct {
	net.Listener
	most int

	mu    sync.Mutex
	conns []*fewConn // oldest first
}

type fewConn struct {
	net.Conn
	of   *few
	from netip.Prefix // the caller's network; zero on a Unix socket
}

// Accept implements net.Listener.
func (f *few) Accept() (net.Conn, error) {
	conn, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &fewConn{conn, f, network(conn.RemoteAddr())}
	f.mu.Lock()
	f.conns = append(f.conns, c)
	var surplus *fewConn
	if len(f.conns) > f.most {
		surplus = f.surplus()
	}
	f.mu.Unlock()
	if surplus != nil {
		_ = surplus.Close()
	}
	return c, nil
}

// surplus returns the oldest connection of the network with the most connections.
// Among several such networks, it chooses the one with the oldest connection. The
// caller holds the lock.
func (f *few) surplus() *fewConn {
	counts := make(map[netip.Prefix]int)
	for _, c := range f.conns {
		counts[c.from]++
	}
	chosen := f.conns[0]
	for _, c := range f.conns {
		if counts[c.from] > counts[chosen.from] {
			chosen = c
		}
	}
	return chosen
}

// network returns the network that one caller may have addresses in: a single
// address of IPv4, or the 64 bits of an address of IPv6 that a provider assigns to
// one customer. It returns the zero Prefix for other kinds of addresses.
func network(of net.Addr) netip.Prefix {
	tcp, ok := of.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	address := tcp.AddrPort().Addr().Unmap()
	bits := 64
	if address.Is4() {
		bits = 32
	}
	p, _ := address.Prefix(bits) // these lengths are always valid
	return p
}

// Close implements net.Conn.
func (c *fewConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// release stops counting the connection: it is closed, or another limit applies to it.
func (c *fewConn) release() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.conns = slices.DeleteFunc(c.of.conns, func(other *fewConn) bool { return other == c })
}
