package main

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

func TestFew_OneMore_ClosesTheOldest(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &few{Listener: l, most: 2}
	defer func() { _ = f.Close() }()
	open := func() (client, server net.Conn) {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		_ = client.SetDeadline(time.Now().Add(patience))
		if server, err = f.Accept(); err != nil {
			t.Fatal(err)
		}
		return client, server
	}
	first, _ := open()
	second, gone := open()
	_ = gone.Close()
	third, mate := open()
	if _, err := io.WriteString(first, "x"); err != nil {
		t.Errorf("the first of two was closed: %v", err)
	}
	_, last := open()
	if _, err := first.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the oldest of three is open: %v", err)
	}
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the one that was closed by us: %v", err)
	}
	if _, err := io.WriteString(mate, "x"); err != nil {
		t.Errorf("the third was closed: %v", err)
	}
	if _, err := third.Read(make([]byte, 1)); err != nil {
		t.Errorf("the third is not open: %v", err)
	}
	if _, err := io.WriteString(last, "x"); err != nil {
		t.Errorf("the newest is not open: %v", err)
	}
}

// placed is a connection from an address.
type placed struct {
	net.Conn
	from   string
	closed bool
}

func (p *placed) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.from))
}

func (p *placed) Close() error {
	p.closed = true
	return nil
}

// scripted is a listener that accepts what a test gives it.
type scripted struct {
	net.Listener
	next *placed
}

func (s *scripted) Accept() (net.Conn, error) { return s.next, nil }

// A stranger with many connections closes his own, not those of the one who
// watches.
func TestFew_WhoHasTheMost_LosesTheOldest(t *testing.T) {
	for name, from := range map[string][]string{
		"IPv4":                      {"192.0.2.1:1", "203.0.113.9:1", "203.0.113.9:2", "203.0.113.9:3", "203.0.113.9:4"},
		"IPv6, from many addresses": {"[2001:db8:1::1]:1", "[2001:db8:2::1]:1", "[2001:db8:2::2]:1", "[2001:db8:2::3]:1", "[2001:db8:2::4]:1"},
		"IPv4 in IPv6":              {"192.0.2.1:1", "203.0.113.9:1", "[::ffff:203.0.113.9]:2", "203.0.113.9:3", "203.0.113.9:4"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &scripted{}
			f := &few{Listener: l, most: 3}
			var conns []*placed
			for _, address := range from {
				l.next = &placed{from: address}
				conns = append(conns, l.next)
				if _, err := f.Accept(); err != nil {
					t.Fatal(err)
				}
			}
			for i, closed := range []bool{false, true, true, false, false} {
				if conns[i].closed != closed {
					t.Errorf("%s, number %d: closed is %t, want %t", from[i], i, conns[i].closed, closed)
				}
			}
		})
	}
}
