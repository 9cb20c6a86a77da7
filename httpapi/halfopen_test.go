package httpapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
)

// addressed is a connection that only has a peer.
type addressed struct {
	net.Conn
	peer   string
	closed bool
}

func (c *addressed) RemoteAddr() net.Addr {
	if c.peer == "" {
		return nil
	}
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.peer))
}

func (c *addressed) Close() error {
	c.closed = true
	return nil
}

// Spec: edge case 9: one address is limited, others connect.
func TestHalfOpen_CountsAddressesApart(t *testing.T) {
	refused := 0
	proxy := netip.MustParseAddr("10.0.0.1")
	h := newHalfOpen(2, func(a netip.Addr) bool { return a == proxy }, func(netip.Addr) { refused++ })
	open := func(peer string) *addressed {
		c := &addressed{peer: peer}
		h.watch(c, http.StateNew)
		return c
	}
	first := open("192.0.2.1:1")
	open("192.0.2.1:2")
	for _, tc := range []struct {
		peer string
		want bool // let in
	}{
		{"192.0.2.1:3", false},
		{"[::ffff:192.0.2.1]:4", false},
		{"192.0.2.2:1", true},
		{"[2001:db8::1]:1", true},
		{"[2001:db8::2]:1", true},
		{"[2001:db8::3]:1", false}, // the same /64
		{"[2001:db8:0:1::1]:1", true},
		{"10.0.0.1:1", true},
		{"10.0.0.1:2", true},
		{"10.0.0.1:3", true},
	} {
		if c := open(tc.peer); c.closed == tc.want {
			t.Errorf("%s: let in is %v, want %v", tc.peer, !c.closed, tc.want)
		}
	}
	if open("").closed {
		t.Error("a connection without an address was refused")
	}
	if refused != 3 {
		t.Errorf("%d refusals were told, want 3", refused)
	}
	h.watch(first, http.StateActive)
	h.watch(first, http.StateHijacked) // counted out once
	if open("192.0.2.1:5").closed {
		t.Error("the place of a finished handshake was not given back")
	}
	if !open("192.0.2.1:6").closed {
		t.Error("a finished handshake was counted out twice")
	}
}

func TestHalfOpen_NothingIsKept(t *testing.T) {
	h := newHalfOpen(2, func(netip.Addr) bool { return false }, func(netip.Addr) {})
	for range 5 {
		c := &addressed{peer: "192.0.2.1:1"}
		h.watch(c, http.StateNew)
		h.watch(c, http.StateClosed)
	}
	if len(h.conns) != 0 || len(h.counts) != 0 {
		t.Errorf("%d connections and %d addresses are kept", len(h.conns), len(h.counts))
	}
}

// When descriptors are short a request that takes its time is closed, with its
// head read or not, but none that carries an HTTP session.
func TestHalfOpen_Cut_LeavesSessionsAndIdleConnections(t *testing.T) {
	h := newHalfOpen(0, func(netip.Addr) bool { return false }, func(netip.Addr) {})
	open := func(states ...http.ConnState) (conn, client net.Conn) {
		client, conn = net.Pipe()
		t.Cleanup(func() { _ = client.Close() })
		_ = client.SetDeadline(time.Now().Add(deadline.Long))
		for _, state := range states {
			h.watch(conn, state)
		}
		return conn, client
	}
	_, head := open(http.StateNew)
	_, body := open(http.StateNew, http.StateActive)
	again, next := open(http.StateNew, http.StateActive, http.StateIdle, http.StateActive)
	session, _ := open(http.StateNew, http.StateActive)
	idle, _ := open(http.StateNew, http.StateActive, http.StateIdle)
	r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	h.carries(r.WithContext(h.remember(r.Context(), session)))

	h.cut(time.Hour)
	if len(h.conns) != 3 {
		t.Errorf("%d connections are pending, want 3", len(h.conns))
	}
	for _, conn := range []net.Conn{session, idle} {
		if _, ok := h.conns[conn]; ok {
			t.Error("a session or an idle connection is pending")
		}
	}
	h.cut(-1)
	for name, client := range map[string]net.Conn{"without a head": head, "without its body": body, "the second request": next} {
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v, want the end", name, err)
		}
	}
	h.watch(again, http.StateClosed)
	if len(h.conns) != 2 {
		t.Errorf("%d connections are pending after one was closed, want 2", len(h.conns))
	}
}
