package sockets

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
)

// behindProxies is a listener whose connections begin with a header.
func behindProxies(t *testing.T, expects Expectation, timeout time.Duration) (net.Listener, chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 16)
	l = WithProxyHeaders(l, &ProxyHeaders{
		Expect: func(netip.Addr) Expectation { return expects },
		Refused: func(from netip.Addr, err error) []byte {
			refused <- err
			return []byte("no header of " + from.String())
		},
		Timeout: func() time.Duration { return timeout },
	})
	t.Cleanup(func() { _ = l.Close() })
	return l, refused
}

func dialTo(t *testing.T, l net.Listener, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(deadline.Long))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// A connection whose header does not come holds up no other.
func TestProxyListener_AcceptReturnsThoseWhoseHeaderIsThere(t *testing.T) {
	l, _ := behindProxies(t, MustProxyHeader, deadline.Long)
	dialTo(t, l, "PROXY TCP4 192.0.2.7")
	for _, header := range []string{"PROXY TCP4 192.0.2.8 10.0.0.1 4711 6001\r\n", proxyV2(0x21, 0x11, tcp4Body[:3]+"\x08"+tcp4Body[4:]+"\x04\x08\x00"+strings.Repeat("\x00", 2<<10))} {
		const rest = "what the client says"
		client := dialTo(t, l, header+rest)
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.RemoteAddr().String(); got != "192.0.2.8:4711" {
			t.Errorf("it is from %s", got)
		}
		if _, err := io.WriteString(client, ", and more"); err != nil {
			t.Fatal(err)
		}
		_ = client.(*net.TCPConn).CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(deadline.Long))
		if got, err := io.ReadAll(conn); string(got) != rest+", and more" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		_ = conn.Close()
	}
}

func TestProxyListener_HeaderThatMayBeLeftOut(t *testing.T) {
	l, _ := behindProxies(t, MayProxyHeader, deadline.Long)
	client := dialTo(t, l, "GET / HTTP/1.1\r\n")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if got, want := conn.RemoteAddr().String(), client.LocalAddr().String(); got != want {
		t.Errorf("it is from %s, want %s", got, want)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(conn, got); string(got) != "GET /" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestProxyListener_WithoutAHeader_IsAnsweredAndClosed(t *testing.T) {
	l, refused := behindProxies(t, MustProxyHeader, deadline.Long)
	go func() { _, _ = l.Accept() }()
	for text, want := range map[string]error{"GET / HTTP/1.1\r\n": errNoProxyHeader, "PROXY nonsense\r\n": errBadProxyHeader} {
		client := dialTo(t, l, text)
		if got, _ := io.ReadAll(client); string(got) != "no header of 127.0.0.1" {
			t.Errorf("%q: got %q", text, got)
		}
		if err := <-refused; !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func TestProxyListener_HeaderThatNeverComes_IsClosedInTime(t *testing.T) {
	l, refused := behindProxies(t, MustProxyHeader, time.Millisecond)
	go func() { _, _ = l.Accept() }()
	client := dialTo(t, l, "PROXY TCP4 ")
	if got, err := io.ReadAll(client); len(got) > 0 || err != nil || len(refused) > 0 {
		t.Errorf("got %q, %v, %d refused", got, err, len(refused))
	}
}

// Close ends Accept and those that are waited for, and leaves no goroutine.
func TestProxyListener_Close(t *testing.T) {
	l, _ := behindProxies(t, MustProxyHeader, deadline.Long)
	accepted := make(chan error)
	go func() { _, err := l.Accept(); accepted <- err }()
	client := dialTo(t, l, "PROXY TCP4 ")
	p := l.(*proxyListener)
	for end := time.Now().Add(deadline.Long); ; {
		p.mu.Lock()
		n := len(p.waiting)
		p.mu.Unlock()
		if n == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the connection is not waited for")
		}
		time.Sleep(time.Millisecond)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	if _, err := client.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
}

// As many that send nothing as may be waited for hold up the others for a moment.
func TestProxyListener_FullOfThoseThatSendNothing(t *testing.T) {
	l, _ := behindProxies(t, MayProxyHeader, 10*deadline.Long)
	begun := make(chan net.Conn)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		begun <- conn
	}()
	for range mostAnnouncing {
		dialTo(t, l, "")
	}
	dialTo(t, l, "PROXY TCP4 192.0.2.8 10.0.0.1 4711 6001\r\n")
	select {
	case conn := <-begun:
		defer func() { _ = conn.Close() }()
		if got := conn.RemoteAddr().String(); got != "192.0.2.8:4711" {
			t.Errorf("it is from %s", got)
		}
	case <-time.After(deadline.Long):
		t.Fatal("nothing is accepted")
	}
}
