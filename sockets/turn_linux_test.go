package sockets

import (
	"bytes"
	"net"
	"testing"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
)

// One turn of a loop reads every socket once, so what it takes of one is what
// the others wait for.
func TestRead_AFlood_IsTakenInSmallShares(t *testing.T) {
	l, client := byHand(t)
	message := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("{}"))))
	const messages = 10_000
	if _, err := client.Write(bytes.Repeat(message, messages)); err != nil {
		t.Fatal(err)
	}
	handled := func() uint64 { return l.counters.MessagesReceived.Load() }
	for handled() == 0 { // the first read shows what it is
		l.turn(patience)
	}
	most := uint64(greedyRead/len(message) + 1)
	for before := handled(); before < messages; before = handled() {
		if l.turn(patience); handled()-before > most {
			t.Fatalf("a turn handled %d messages of one socket", handled()-before)
		}
	}
	l.turn(0)
	if _, err := client.Write(message); err != nil { // nothing waits any more
		t.Fatal(err)
	}
	for handled() == messages {
		l.turn(patience)
	}
	if only(t, l).greedy {
		t.Error("the socket is still read in small shares")
	}
}

// byHand returns the loop of a server that is not run, to be turned by the
// test, and the client of its only socket.
func byHand(t *testing.T) (*loop, net.Conn) {
	t.Helper()
	app := apps.Default()
	app.ID = "1"
	server, err := New(Config{Loops: 1}, channels.New(channels.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	l := server.loops[0]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server.Serve(conn, nil, Opening{App: &app, Protocol: 7})
	l.turn(0)
	t.Cleanup(func() {
		for i := range l.slots {
			if c := l.slots[i].conn; c != nil {
				c.die()
			}
		}
		l.settle()
		l.waiter.close()
		_ = client.Close()
	})
	return l, client
}

func only(t *testing.T, l *loop) *conn {
	t.Helper()
	if len(l.slots) != 1 || l.slots[0].conn == nil {
		t.Fatalf("slots %+v", l.slots)
	}
	return l.slots[0].conn
}
