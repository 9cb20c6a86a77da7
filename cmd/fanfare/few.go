package main

import (
	"net"
	"slices"
	"sync"
)

// How many connections the operator's own callers may have.
const (
	mostScrapes  = 8
	mostControls = 2
	mostTails    = 4
	mostAdmins   = 64
)

// few is a listener that has few connections at a time and closes the oldest
// for one more, so that nobody takes all descriptors from the clients, nor all
// places from the other callers.
type few struct {
	net.Listener
	most int

	mu    sync.Mutex
	conns []*fewConn // the oldest first
}

type fewConn struct {
	net.Conn
	of *few
}

// Accept implements net.Listener.
func (f *few) Accept() (net.Conn, error) {
	conn, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &fewConn{conn, f}
	f.mu.Lock()
	f.conns = append(f.conns, c)
	var oldest *fewConn
	if len(f.conns) > f.most {
		oldest = f.conns[0]
	}
	f.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close()
	}
	return c, nil
}

// Close implements net.Conn.
func (c *fewConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// release has the connection count no more: somebody else bounds it.
func (c *fewConn) release() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.conns = slices.DeleteFunc(c.of.conns, func(other *fewConn) bool { return other == c })
}
