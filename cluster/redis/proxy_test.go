package redis

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// proxy passes bytes between clients and a server, and can break connections
// and change what the server says, by texts of the same length.
type proxy struct {
	listener net.Listener
	server   string
	replace  [][2]string

	mu    sync.Mutex
	conns []net.Conn
	done  sync.WaitGroup
}

func startProxy(t *testing.T, server string, replace ...[2]string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, server: server, replace: replace}
	p.done.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		p.done.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.done.Go(func() { p.pass(server, client, nil) })
		p.done.Go(func() { p.pass(client, server, p.replace) })
	}
}

func (p *proxy) pass(to, from net.Conn, replace [][2]string) {
	defer func() { _ = to.Close() }()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		text := b[:n]
		for _, r := range replace {
			text = bytes.ReplaceAll(text, []byte(r[0]), []byte(r[1]))
		}
		if _, werr := to.Write(text); err != nil || werr != nil {
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
