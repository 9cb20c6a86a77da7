package sockets

import (
	"net"
	"testing"

	"fanfare/pusherproto"
)

// A loop does not wait while a lane's mail waits for writes that are done by the
// end of the turn.
func TestTurn_WithMailThatWaitsForWrites_GoesOn(t *testing.T) {
	two := newTwoApps(t, 3)
	l, lane := two.l, two.l.laneOf(two.noisy)
	for _, client := range two.crowd {
		go discard(client)
	}
	long := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: append(append([]byte{'"'}, make([]byte, 9000)...), '"')}
	waited := false
	for range 10 {
		for range 40 {
			if err := l.server.hub.TryPublish(two.noisy, long); err != nil {
				t.Fatal(err)
			}
		}
		l.turn(0)
		if err := l.server.hub.TryPublish(two.noisy, long); err != nil {
			t.Fatal(err)
		}
		for l.turn(0) {
			waited = waited || lane.ahead()
		}
		if l.busy.len() > 0 {
			t.Fatal("the loop would wait, with mail in its hands")
		}
	}
	if !waited {
		t.Error("no mail waited for writes")
	}
}

func discard(conn net.Conn) {
	b := make([]byte, 64<<10)
	for {
		if _, err := conn.Read(b); err != nil {
			return
		}
	}
}
