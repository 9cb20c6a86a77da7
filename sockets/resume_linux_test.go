package sockets

import (
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// paused leaves a socket unread until its app has caught up.
func (two *twoApps) paused(socket int) *conn {
	c := two.l.slots[socket].conn
	c.pause()
	two.l.waiter.(*epoll).rewatch(c)
	return c
}

// Sockets of an app that are paused again and again do not keep those of another
// app unread.
func TestResume_OfAnApp_IsNotBehindManySocketsOfAnother(t *testing.T) {
	two := newTwoApps(t, 2*turnResumes)
	for socket := range two.crowd {
		two.paused(socket)
	}
	other := two.paused(len(two.crowd))
	for turn := 0; other.paused; turn++ {
		if turn > 2 {
			t.Fatal("the other app's socket is unread after three turns")
		}
		two.l.resumeReading()
		for socket := range two.crowd {
			if !two.l.slots[socket].conn.paused {
				two.paused(socket) // it has sent more, and its app is under pressure by then
			}
		}
	}
	two.l.resumeReading()
	if n := two.l.paused.len(); n != 1 {
		t.Errorf("the loop has %d entries for the sockets of one app", n)
	}
}

// A message of which a part came before a pause has its whole time behind it: its
// client could not get the rest through.
func TestResume_InAMessage_GivesItsTimeAnew(t *testing.T) {
	for name, frames := range map[string][]byte{
		"frame":     masked(ws.OpText, true, []byte(`{"event":"pusher:ping","data":{}}`)),
		"fragments": append(masked(ws.OpText, false, []byte(`{"event":"pus`)), masked(ws.OpContinuation, true, []byte(`her:ping","data":{}}`))...),
	} {
		t.Run(name, func(t *testing.T) {
			two := newTwoApps(t, 1)
			l, client := two.l, two.crowd[0]
			c := l.slots[0].conn
			skip(t, client, "subscription_succeeded")
			send := func(part []byte, what string, ok func() bool) {
				if _, err := client.Write(part); err != nil {
					t.Fatal(err)
				}
				two.until(what, ok)
			}
			send(frames[:20], "a part has come", func() bool { return c.overdue() > 0 })
			l.laneOf(two.noisy).pressure.Rise()
			before := c.received
			send(frames[20:25], "it is paused", func() bool { return c.paused })
			l.started = l.started.Add(-time.Hour)
			l.laneOf(two.noisy).pressure.Fall()
			two.until("it is read", func() bool { return c.received > before })
			l.started = l.started.Add(-2 * time.Second)
			for l.turn(0) {
			}
			if c.state != connOpen {
				t.Fatal("the message was given up when the pause was over")
			}
			if _, err := client.Write(frames[25:]); err != nil {
				t.Fatal(err)
			}
			two.until("it is answered", func() bool { return c.queue.bytes == 0 && c.overdue() == 0 })
			skip(t, client, "pusher:pong")
		})
	}
}
