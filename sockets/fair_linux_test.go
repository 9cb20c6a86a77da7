package sockets

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// twoApps is a loop to be turned by hand, with sockets of an app that is noisy
// and one socket of an app that is not.
type twoApps struct {
	*testing.T
	l            *loop
	noisy, quiet *apps.App
	crowd        []net.Conn // of the noisy app
	other        net.Conn   // of the quiet one
}

func newTwoApps(t *testing.T, crowd int) *twoApps {
	t.Helper()
	two := &twoApps{T: t, l: loopByHand(t), noisy: testApp(), quiet: testApp()}
	two.noisy.ID, two.quiet.ID = "noisy", "quiet"
	for range crowd {
		two.crowd = append(two.crowd, dialByHandAs(t, two.l, two.noisy))
	}
	two.other = dialByHandAs(t, two.l, two.quiet)
	for i := range two.l.slots {
		two.l.slots[i].conn.Receive([]byte(`{"event":"pusher:subscribe","data":{"channel":"news"}}`))
	}
	for two.l.turn(0) {
	}
	skip(t, two.other, "subscription_succeeded")
	return two
}

// skip reads messages up to one that holds part.
func skip(t *testing.T, conn net.Conn, part string) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for {
		f, err := readFrame(conn)
		if err != nil {
			t.Fatalf("waiting for %s: %v", part, err)
		}
		if strings.Contains(string(f.Payload), part) {
			return
		}
	}
}

// sent is how many bytes were written to a socket: those of the crowd, and then
// the other.
func (two *twoApps) sent(socket int) uint64 { return two.l.slots[socket].conn.sent }

// until turns the loop until ok.
func (two *twoApps) until(what string, ok func() bool) {
	two.Helper()
	for end := time.Now().Add(patience); !ok(); two.l.turn(time.Millisecond) {
		if time.Now().After(end) {
			two.Fatalf("waited in vain for: %s", what)
		}
	}
}

func (two *twoApps) publish(app *apps.App) error {
	return two.l.server.hub.TryPublish(app, pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(`"x"`)})
}

// storm publishes events of the noisy app until it has to wait.
func (two *twoApps) storm() (events int) {
	two.Helper()
	for ; ; events++ {
		if err := two.publish(two.noisy); errors.Is(err, channels.ErrBusy) {
			return events
		} else if err != nil {
			two.Fatal(err)
		}
		if events > highWater {
			two.Fatal("nothing pushes back")
		}
	}
}

// An app with little to say is heard in the turn in which it says it, whatever
// another has waiting.
func TestCarry_OfAQuietApp_IsNotBehindAStorm(t *testing.T) {
	two := newTwoApps(t, 20)
	two.storm()
	for range 5 {
		before := two.sent(len(two.crowd))
		if err := two.publish(two.quiet); err != nil {
			t.Fatalf("the other app's event: %v", err)
		}
		if two.l.turn(0); two.sent(len(two.crowd)) == before {
			t.Fatal("the other app's event was not written in the turn after it was published")
		}
	}
	if two.l.busy.len() == 0 {
		t.Fatal("the storm was over before")
	}
}

// One event for more sockets than a turn writes does not keep those of another
// app waiting.
func TestFlush_OfAQuietApp_IsNotBehindManySockets(t *testing.T) {
	two := newTwoApps(t, 3*turnWrites)
	before := two.sent(len(two.crowd))
	for _, app := range []*apps.App{two.noisy, two.quiet} {
		if err := two.publish(app); err != nil {
			t.Fatal(err)
		}
	}
	if two.l.turn(0); two.sent(len(two.crowd)) == before {
		t.Error("the other app's socket was not written in the same turn")
	}
	if two.l.dirty.len() == 0 {
		t.Error("the turn wrote all sockets")
	}
	turns := 1
	for ; two.l.turn(0); turns++ {
	}
	if want := 3*turnWrites/(turnWrites-leastWrites) + 2; turns > want {
		t.Errorf("it took %d turns to write all", turns)
	}
}

// Sockets of an app under pressure are left unread, without a word to the
// kernel again and again. Everybody else is read, accepted and answered.
func TestRead_UnderPressure_WaitsForThatAppOnly(t *testing.T) {
	two := newTwoApps(t, 1)
	l := two.l
	address, door := frontByHand(t, l)
	asked := false
	ask := func() { asked = true }
	door.answer.Store(&ask)
	pressure := l.laneOf(two.noisy).pressure
	ping := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:ping","data":{}}`))))
	skip(t, two.crowd[0], "subscription_succeeded")
	before, other := two.sent(0), two.sent(1)

	pressure.Rise()
	for _, conn := range []net.Conn{two.crowd[0], two.other} {
		if _, err := conn.Write(ping); err != nil {
			t.Fatal(err)
		}
	}
	two.until("both are looked at", func() bool { return two.sent(1) > other && l.slots[0].conn.paused })
	skip(t, two.other, "pusher:pong")
	if two.sent(0) != before {
		t.Error("the socket was read")
	}
	for range 100 {
		if worked, _ := l.waiter.wait(0); worked {
			t.Fatal("the kernel goes on telling of a socket that is not read")
		}
	}
	caller := dialFront(t, address)
	if _, err := io.WriteString(caller, post("/here", "")); err != nil {
		t.Fatal(err)
	}
	two.until("the request is answered", func() bool { return asked })
	for l.turn(0) {
	}
	expectBody(t, bufio.NewReader(caller), "loop")

	pressure.Fall()
	two.until("the socket is read", func() bool { return two.sent(0) > before })
	skip(t, two.crowd[0], "pusher:pong")
}

// Paused sockets that have sent much come back a few at a time, and the first
// of them bring the pressure back.
func TestResume_OfManySockets_StopsWhenThePressureIsBack(t *testing.T) {
	const crowd = 2 * turnResumes
	two := newTwoApps(t, crowd)
	l := two.l
	pressure := l.laneOf(two.noisy).pressure
	message := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:ping","data":{}}`))))
	pressure.Rise()
	for _, conn := range two.crowd {
		if _, err := conn.Write(message); err != nil {
			t.Fatal(err)
		}
	}
	lane := l.laneOf(two.noisy)
	two.until("all wait", func() bool { return lane.paused.len() == crowd })
	before := l.server.hub.Stats().MessagesReceived
	pressure.Fall()
	if l.turn(0); lane.paused.len() != crowd-turnResumes {
		t.Errorf("a turn resumed %d sockets", crowd-lane.paused.len())
	}
	pressure.Rise()
	two.until("all wait again", func() bool { return lane.paused.len() == crowd })
	if n := l.server.hub.Stats().MessagesReceived - before; n != 0 {
		t.Errorf("%d messages were read under pressure", n)
	}
	pressure.Fall()
	two.until("all are read", func() bool { return l.server.hub.Stats().MessagesReceived-before == crowd })
}

// A connection that resets while it is paused is noticed.
func TestPause_OfAConnectionThatIsReset_Ends(t *testing.T) {
	two := newTwoApps(t, 1)
	l := two.l
	l.laneOf(two.noisy).pressure.Rise()
	if _, err := two.crowd[0].Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	two.until("it is paused", func() bool { return l.slots[0].conn.paused })
	_ = two.crowd[0].(*net.TCPConn).SetLinger(0)
	_ = two.crowd[0].Close()
	two.until("the connection is gone", func() bool { return l.server.Sockets() == 1 })
}

// Publishers of the app that is behind wait for it, and for no longer than it is.
func TestPublish_WaitsForTheMailOfItsApp(t *testing.T) {
	two := newTwoApps(t, 10)
	two.storm()
	result := make(chan error, 1)
	go func() {
		result <- two.l.server.hub.Publish(context.Background(), two.noisy, pusherproto.Event{Name: "last", Channels: []string{"news"}, Data: []byte(`"x"`)})
	}()
	two.until("the publisher is answered", func() bool { return len(result) > 0 })
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for {
			f, err := readFrame(two.crowd[0])
			if err != nil || strings.Contains(string(f.Payload), `"last"`) {
				return
			}
		}
	}()
	two.until("the event is heard", func() bool {
		select {
		case <-heard:
			return true
		default:
			return false
		}
	})
}

// The deadline of a socket that has been unread for longer is looked at when it
// has been read, not when it may be.
func TestResume_AfterADeadline_ReadsFirst(t *testing.T) {
	two := newTwoApps(t, 1)
	l := two.l
	c := l.slots[0].conn
	message := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:ping","data":{}}`))))
	if _, err := two.crowd[0].Write(message[:10]); err != nil {
		t.Fatal(err)
	}
	two.until("a part of a message has come", func() bool { return c.overdue() > 0 })
	l.laneOf(two.noisy).pressure.Rise()
	if _, err := two.crowd[0].Write(message[10:]); err != nil {
		t.Fatal(err)
	}
	two.until("it is paused", func() bool { return c.paused })
	l.started = l.started.Add(-time.Hour)
	l.laneOf(two.noisy).pressure.Fall()
	if l.turn(0); c.state != connOpen || c.paused {
		t.Fatalf("the socket is in state %d, and paused: %v", c.state, c.paused)
	}
	skip(t, two.crowd[0], "subscription_succeeded")
	before := two.sent(0)
	two.until("it is read", func() bool { return two.sent(0) > before })
	skip(t, two.crowd[0], "pusher:pong")
}
