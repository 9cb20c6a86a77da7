package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A server that was replaced is kept for as long as it has a connection.
func TestWeb_ReplacedServers_GoWithTheirLastConnection(t *testing.T) {
	fresh := func() *http.Server {
		return &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "x")
		})}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := newWeb(fresh())
	served := make(chan error, 1)
	go func() { served <- w.Serve(listener) }()
	defer func() {
		_ = w.Close()
		<-served
	}()
	servers := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.servers)
	}
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	from := bufio.NewReader(conn)
	ask := func() {
		t.Helper()
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		r, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	ask()
	for range 5 {
		w.replace(fresh())
	}
	if n := servers(); n != 2 {
		t.Errorf("%d servers are kept, want the first with its connection and the newest", n)
	}
	ask()
	_ = conn.Close()
	eventually(t, "the first has gone", func() bool { return servers() == 1 })
}

// A connection that becomes a socket is waited for until its handler has passed it
// on: it is in nobody else's count before.
func TestWeb_RequestThatTakesItsConnection_IsWaitedFor(t *testing.T) {
	taken, pass := make(chan struct{}), make(chan struct{})
	w := newWeb(&http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		close(taken)
		<-pass
		_ = conn.Close()
	})})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.Serve(listener) }()
	defer func() {
		_ = w.Close()
		<-served
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-taken
	if w.Work() == 0 {
		t.Error("the request is not counted while it has the connection")
	}
	close(pass)
	eventually(t, "nothing is left", func() bool { return w.Work() == 0 })
}
