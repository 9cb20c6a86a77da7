package client

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"testing"

	"fanfare/internal/testkit/deadline"
)

// reader is a connection that says how it went.
type reader struct {
	loop *Loop
	say  []byte // once it stands
	got  []byte
	end  error
	over bool
}

func (r *reader) Opened(c *Conn) { r.loop.Write(c, r.say) }
func (r *reader) Arrived(_ *Conn, b []byte) int {
	r.got = append(r.got, b...)
	return len(b)
}
func (r *reader) Ended(_ *Conn, err error) { r.end, r.over = err, true }

func dialTo(t *testing.T, r *reader, address net.Addr) *Conn {
	t.Helper()
	var c *Conn
	var err error
	r.loop.Do(func() { c, err = r.loop.Dial(r, 0, netip.MustParseAddrPort(address.String()), netip.Addr{}) })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func startSecure(t *testing.T) *Loop {
	t.Helper()
	l, err := StartLoop()
	if err != nil {
		t.Fatal(err)
	}
	l.Secure(&tls.Config{InsecureSkipVerify: true})
	return l
}

// Far more than the kernel takes goes there and back, in records of all sizes.
func TestSecure_LongMessagesBothWays(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	config := web.TLS.Clone()
	web.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	echoed := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, err = io.Copy(conn, conn)
			_ = conn.Close()
		}
		echoed <- err
	}()
	l := startSecure(t)
	r := &reader{loop: l, say: bytes.Repeat([]byte("0123456789abcdef"), 1<<18)}
	c := dialTo(t, r, listener.Addr())
	if err := l.Until(t.Context(), deadline.Long, "the echo", func() bool { return len(r.got) >= len(r.say) || r.over }); err != nil {
		t.Error(err)
	}
	l.Do(func() {
		if !bytes.Equal(r.got, r.say) {
			t.Errorf("%d bytes came back of %d, or others; ended: %v", len(r.got), len(r.say), r.end)
		}
		if l.Received() < int64(len(r.say)) {
			t.Errorf("%d bytes were counted", l.Received())
		}
		l.HangUp(c, false)
	})
	l.Stop()
	if err := errors.Join(listener.Close(), <-echoed); err != nil {
		t.Log(err) // the client has no close_notify for it
	}
}

func TestSecure_ServerInTheClear_EndsTheConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	l := startSecure(t)
	defer l.Stop()
	r := &reader{loop: l}
	dialTo(t, r, listener.Addr())
	if err := l.Until(t.Context(), deadline.Long, "the end", func() bool { return r.over }); err != nil {
		t.Fatal(err)
	}
	if r.end == nil {
		t.Error("the handshake failed for no reason")
	}
}

// A handshake that nobody answers neither keeps the loop from stopping nor a
// connection from being ended.
func TestSecure_HandshakesUnderWay_EndWithTheirConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	l := startSecure(t)
	r := &reader{loop: l}
	var conns []*Conn
	for range 2 {
		conns = append(conns, dialTo(t, r, listener.Addr()))
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil { // the head of its first record
			t.Fatal(err)
		}
	}
	l.Do(func() { l.HangUp(conns[0], true) })
	l.handshakesLeft(t, 1)
	l.Stop()
	if r.over {
		t.Error("whoever hung up is told of the end")
	}
}

// handshakesLeft waits until no more than n goroutines shake hands.
func (l *Loop) handshakesLeft(t *testing.T, n int) {
	t.Helper()
	err := l.Until(t.Context(), deadline.Long, "a handshake to end", func() bool { return l.shaking == n })
	if err != nil {
		t.Fatal(err)
	}
}
