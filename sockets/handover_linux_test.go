package sockets

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"fanfare/channels"
)

// The system does not know the address of a client that is gone; who looks it
// up, as httpapi does, must not stumble over that.
func TestFront_GoneWhenHandedOver_StillHasItsAddress(t *testing.T) {
	address, door, _ := behindFront(t, nil)
	conn := dialFront(t, address)
	reset := func() { _ = errors.Join(conn.(*net.TCPConn).SetLinger(0), conn.Close()) }
	door.answer.Store(&reset)
	_, _ = io.WriteString(conn, post("/there", ""))
	select {
	case got := <-door.handed:
		if want := conn.LocalAddr().String(); got != want {
			t.Errorf("handed over as %s, want %s", got, want)
		}
	case <-time.After(patience):
		t.Error("not handed over")
	}
}

// What net/http has not accepted when the listener is closed is refused by the
// loop, with an answer.
func TestFront_HandedOverAndNeverAccepted_IsRefused(t *testing.T) {
	server, err := New(Config{}, channels.New(channels.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door := &testDoor{}
	rest, err := server.Front(listener, FrontConfig{Door: door, HeaderTimeout: patience, MaxHeaderBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = server.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	conn := dialFront(t, listener.Addr().String())
	_, _ = io.WriteString(conn, post("/there", ""))
	waiting := func() int {
		f := rest.(*frontListener)
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.queue)
	}
	for end := time.Now().Add(patience); waiting() == 0 && time.Now().Before(end); {
		runtime.Gosched()
	}
	_ = rest.Close()
	from := bufio.NewReader(conn)
	expectBody(t, from, "late")
	if _, err := from.ReadByte(); err != io.EOF {
		t.Errorf("behind the answer: %v, want the end", err)
	}
}
