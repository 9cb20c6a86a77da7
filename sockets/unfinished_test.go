package sockets

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// masked is a client's frame, by a mask that leaves the payload as it is.
func masked(op ws.OpCode, fin bool, payload []byte) []byte {
	return ws.MustCompileFrame(ws.MaskFrameWith(ws.NewFrame(op, fin, payload), [4]byte{}))
}

// A message that never becomes whole ends its connection, however the client
// keeps it alive meanwhile.
func TestMessage_NeverWhole_IsClosedInTime(t *testing.T) {
	const size = 60_000
	text := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	lacking := masked(ws.OpText, true, text(size))
	tests := map[string]struct {
		begun []byte
		more  []byte // sent again and again
	}{
		"lacks a byte, pings":         {slices.Concat(masked(ws.OpText, false, text(size)), masked(ws.OpContinuation, false, nil)), masked(ws.OpPing, true, nil)},
		"byte by byte":                {lacking[:size/2], []byte("x")},
		"fragment by fragment":        {masked(ws.OpText, false, text(1)), masked(ws.OpContinuation, false, text(1))},
		"a control frame, bytewise":   {masked(ws.OpPing, true, text(125))[:3], []byte("x")},
		"too large, and byte by byte": {masked(ws.OpText, true, text(200_000))[:71_000], []byte("x")},
	}
	t.Parallel()
	linksOf(t, Config{MessageTimeout: time.Second}, nil, func(h *harness) {
		h.Run("all", func(t *testing.T) {
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					p := h.dial()
					p.t = t
					p.write(test.begun)
					stop, stopped := make(chan struct{}), make(chan struct{})
					go func() {
						defer close(stopped)
						tick := time.NewTicker(100 * time.Millisecond)
						defer tick.Stop()
						for i := 0; i < 100; i++ { // fewer bytes than any of them lacks
							select {
							case <-stop:
								return
							case <-tick.C:
								if p.tryWrite(test.more) != nil {
									return
								}
							}
						}
					}()
					f := p.read()
					for f.Header.OpCode == ws.OpPong {
						f = p.read()
					}
					close(stop)
					<-stopped
					if !strings.Contains(string(f.Payload), "did not arrive whole in time") {
						t.Fatalf("got %v %s", f.Header.OpCode, f.Payload)
					}
					for f.Header.OpCode != ws.OpClose {
						f = p.read()
					}
					if code, reason := ws.ParseCloseFrameData(f.Payload); code != pusherproto.CodeOverCapacity {
						t.Errorf("closed with %d %s", code, reason)
					}
					_ = p.conn.Close()
				})
			}
		})
		h.until("all are gone", func() bool { return h.server.Sockets() == 0 })
		refused := 0
		for _, r := range h.hub.Stats().Refused {
			if r.Reason == channels.ReasonMessageTimeout && r.Code == pusherproto.CodeOverCapacity && r.App == h.app.ID {
				refused += int(r.Count)
			}
		}
		if refused != len(tests) {
			h.Errorf("%d refusals for %d messages", refused, len(tests))
		}
	})
}

// Messages in pieces that follow each other without a pause are each in time.
func TestMessage_EachInPieces_IsInTime(t *testing.T) {
	c := fed(t)
	l, server := c.loop, c.loop.server
	pass := func(seconds time.Duration) {
		l.started = l.started.Add(-seconds * time.Second)
		l.tick()
		l.expire()
	}
	message := `{"event":"pusher:ping","data":{}}`
	first, second := []byte(message[:9]), []byte(message[9:])
	forms := [][]byte{
		masked(ws.OpText, true, []byte(message)),
		slices.Concat(masked(ws.OpText, false, first), masked(ws.OpContinuation, true, second)),
	}
	form := func(i int) []byte { return bytes.Clone(forms[i%len(forms)]) }
	c.feed(form(0)[:20])
	for i := range 20 {
		pass(29)
		c.feed(slices.Concat(form(i)[20:], form(i + 1)[:20]))
		if c.state != connOpen {
			t.Fatalf("closed at message %d, after 29 s", i)
		}
	}
	if n := server.hub.Stats().MessagesReceived; n != 20 {
		t.Errorf("%d messages of 20", n)
	}
	entries := 0
	for _, slot := range l.wheel.slots {
		entries += len(slot)
	}
	if entries > 4 {
		t.Errorf("%d entries in the wheel", entries)
	}
	pass(32)
	if c.state != connClosing {
		t.Error("the last message never came whole, and the connection is open")
	}
}

// The bytes of messages that are not whole are in the account while they are
// kept, as many as are allocated, and no longer.
func TestMessage_Unfinished_IsInTheAccount(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		frame := masked(ws.OpText, true, []byte(`{"event":"pusher:ping","data":"`+strings.Repeat("x", 50_000)+`"}`))
		held := h.hub.Account(h.app)
		p.write(frame[:40_000])
		h.until("most of a message is held", func() bool {
			return held.Count(account.Messages) == 1 && held.BytesOf(account.Messages) >= 40_000
		})
		if n := held.BytesOf(account.Messages); n > 100_000 {
			h.Errorf("40,000 bytes count as %d", n)
		}
		p.write(frame[40_000:])
		p.expect("pusher:pong")
		h.until("nothing is held", func() bool { return held.Count(account.Messages) == 0 && held.BytesOf(account.Messages) == 0 })
		p.write(masked(ws.OpText, false, make([]byte, 1000)))
		p.write(masked(ws.OpContinuation, false, make([]byte, 1000))[:500])
		h.until("a fragment and a half are held", func() bool {
			return held.Count(account.Messages) == 1 && held.BytesOf(account.Messages) >= 1500
		})
		_ = p.conn.Close()
		h.until("nothing is held", func() bool { return held.Count(account.Messages) == 0 && held.BytesOf(account.Messages) == 0 })
	})
}

// Strangers cannot fill the memory with messages that lack a byte: those that
// take long are dropped while there are many, and above the bound each that
// grows. Small ones stay.
func TestMessage_ManyUnfinished_TakeAPartOfTheMemory(t *testing.T) {
	const most = 1 << 20
	a := account.New(most)
	server, err := New(Config{Loops: 1, Portable: true, Account: a}, channels.New(channels.Config{Account: a}))
	if err != nil {
		t.Fatal(err)
	}
	l := server.loops[0]
	defer l.waiter.close()
	app := apps.Default()
	app.ID = "1"
	began := func(bytes int) *conn {
		c := &conn{loop: l, lane: l.laneOf(&app), link: deadEnd{}, fd: -1, limit: server.messageLimit(&app)}
		l.adopt(c)
		c.open(&Opening{App: &app, Protocol: 7}, webSocket)
		c.feed(masked(ws.OpText, true, make([]byte, 60_000))[:bytes])
		return c
	}
	dropped := func(conns []*conn) (n int) {
		for _, c := range conns {
			if c.state != connOpen {
				n++
			}
		}
		return n
	}
	pass := func(seconds time.Duration) {
		l.started = l.started.Add(-seconds * time.Second)
		l.tick()
		l.expire()
	}
	small := began(1000)
	long := []*conn{began(50_000), began(50_000), began(50_000)}
	pass(aMoment)
	if n := dropped(long); n != 0 {
		t.Errorf("%d messages are dropped a moment after they began", n)
	}
	pass(2)
	if n := dropped(long); n != len(long) {
		t.Errorf("%d of %d messages are dropped that take long", n, len(long))
	}
	var many []*conn
	for range 20 {
		many = append(many, began(50_000))
	}
	if n, held := dropped(many), a.BytesOf(account.Messages); n < 14 || n > 17 || held > most/mostUnfinished {
		t.Errorf("%d of %d messages are dropped at once, %d bytes are held of %d", n, len(many), held, most)
	}
	if small.state != connOpen || a.Count(account.Messages) != 1+len(many)-dropped(many) {
		t.Errorf("the small message is open: %v, %d messages are held", small.state == connOpen, a.Count(account.Messages))
	}
	for _, r := range server.hub.Stats().Refused {
		if r.Reason != channels.ReasonMemory || r.Code != pusherproto.CodeOverCapacity || int(r.Count) != dropped(long)+dropped(many) {
			t.Errorf("counted: %+v", r)
		}
	}
}

func TestPartial_TakesWhatItCountsFor(t *testing.T) {
	if n := int(unsafe.Sizeof(partial{})); n < partialSize*3/4 || n > partialSize*5/4 {
		t.Errorf("a partial message has %d bytes, and counts for %d", n, partialSize)
	}
}
