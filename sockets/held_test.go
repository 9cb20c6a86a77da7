package sockets

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// An event that waits for several slow readers is one piece of memory, and
// counts as one. Who has caught up holds nothing.
func TestSlowReaders_AnEventTakesItsMemoryOnce(t *testing.T) {
	linksOf(t, Config{QueueBytes: 64 << 20}, nil, func(h *harness) {
		const readers, size = 4, 100_000
		var slow []*peer
		for range readers {
			slow = append(slow, h.subscribed("news"))
		}
		held := h.hub.Account(h.app)
		data := strings.Repeat("x", size)
		events := 0
		for shortest := 0; shortest < 20*size; events++ {
			if events == 2000 {
				h.Fatal("the readers are not slow")
			}
			h.publish("news", data)
			shortest, _ = lengths(h.server)
		}
		// Who has read least has all that the others have, and a stream copies up to
		// 64 KiB besides. The first frame of a queue may be written in part.
		h.until("what waits counts once", func() bool {
			_, longest := lengths(h.server)
			n := held.BytesOf(account.Queues)
			return held.Count(account.Queues) == readers && n >= int64(longest) && n <= int64(longest+longest/10+size+readers*(streamWrite+1024))
		})
		for _, p := range slow {
			for range events {
				p.expect(`"data":"xxx`)
			}
		}
		h.until("nothing waits", func() bool { return held.Count(account.Queues) == 0 && held.BytesOf(account.Queues) == 0 })
	})
}

// lengths is what waits in the shortest and the longest queue of a server.
func lengths(s *Server) (shortest, longest int) {
	var all []int
	for _, l := range s.loops {
		answer := make(chan []int)
		l.Post(channels.Call(func() {
			var list []int
			l.sockets(func(c *conn) bool {
				list = append(list, c.queue.bytes)
				return true
			})
			answer <- list
		}))
		all = append(all, <-answer...)
	}
	return slices.Min(all), slices.Max(all)
}

// While memory is short, a slow reader is cut off long before its own queue is
// full, and who reads keeps its connection.
func TestSlowReaders_AreCutOffWhileMemoryIsShort(t *testing.T) {
	t.Parallel()
	linksOf(t, Config{QueueBytes: 1 << 30}, nil, func(h *harness) {
		slow, quick := h.subscribed("news"), h.subscribed("news")
		_ = slow.tcp.SetReadBuffer(4096)
		h.server.cfg.Account.SetMost(1 << 20)
		data := strings.Repeat("x", 100_000)
		for i := 0; h.hub.Stats().SlowReaders == 0; i++ {
			if i < 200 { // most of which is the kernel's
				h.publish("news", data)
				quick.expect(`"data":"xxx`)
			} else if i == 200 {
				h.until("the slow reader is cut off", func() bool { return h.hub.Stats().SlowReaders == 1 })
			}
		}
		h.server.cfg.Account.SetMost(0)
		h.until("the slow socket is gone", func() bool { return h.server.Sockets() == 1 })
		quick.ping()
		for _, r := range h.hub.Stats().Refused {
			if r.Reason == channels.ReasonSlowReader && (r.Code != pusherproto.CodeOverCapacity || r.Count != 1) {
				h.Errorf("%+v", r)
			}
		}
	})
}

// byHand is a loop with sockets that write nothing.
func byHand(t *testing.T, sockets int) (*loop, []*conn) {
	t.Helper()
	all := account.New(0)
	server, err := New(Config{Loops: 1, Portable: true, Account: all}, channels.New(channels.Config{Account: all}))
	if err != nil {
		t.Fatal(err)
	}
	app := apps.Default()
	app.ID = "1"
	l := server.loops[0]
	var conns []*conn
	for range sockets {
		c := &conn{loop: server.place(nil, false), lane: l.laneOf(&app), link: deadEnd{}, fd: -1, limit: server.messageLimit(&app)}
		l.share.sockets.Add(1)
		l.adopt(c)
		c.open(&Opening{App: &app, Protocol: 7}, webSocket)
		conns = append(conns, c)
	}
	t.Cleanup(func() {
		for i := range l.slots {
			if c := l.slots[i].conn; c != nil {
				c.die()
			}
		}
		l.settle()
		l.waiter.close()
		nothingHeld(t, server)
	})
	return l, conns
}

// Of many slow readers the largest queues are closed, a share of them a second,
// and nobody's while there is memory.
func TestShed_ClosesTheLargestQueues(t *testing.T) {
	const many = 100
	l, conns := byHand(t, many)
	frame := channels.NewFrame(make([]byte, 1000))
	for i, c := range conns {
		c.blocked = true
		for range i + 1 {
			c.Send(frame)
		}
	}
	closed := func() (n int) {
		for _, c := range conns {
			if c.state == connClosing {
				n++
			}
		}
		return n
	}
	l.shed()
	if n := closed(); n != 0 {
		t.Fatalf("%d are closed while there is memory", n)
	}
	l.server.hub.Account(conns[0].App()).SetMost(1) // of the app alone
	for look, want := range []int{many / shedPart, many/shedPart + (many-many/shedPart)/shedPart} {
		l.shed()
		l.shed() // does not know yet what that has freed
		if n := closed(); n != want {
			t.Errorf("look %d: %d are closed, want %d", look+1, n, want)
		}
		for i, c := range conns {
			if isClosed := c.state == connClosing; isClosed != (i >= many-want) {
				t.Fatalf("look %d: of queues that grow with their number, the one of %d is closed: %v", look+1, i, isClosed)
			}
		}
		l.now += shedPause
	}
	l.bury()
	if n := l.server.hub.Stats().SlowReaders; int(n) != closed() {
		t.Errorf("%d slow readers are counted", n)
	}
}

// A slow reader need not have a session: while the process ends, sockets are kept
// without one.
func TestShed_OfASocketWithoutASession(t *testing.T) {
	l, _ := byHand(t, 0)
	l.holding = true
	app := apps.Default()
	c := &conn{loop: l.server.place(nil, false), lane: l.own, link: deadEnd{}, fd: -1}
	l.share.sockets.Add(1)
	l.adopt(c)
	c.open(&Opening{App: &app, Protocol: 7}, webSocket)
	c.blocked = true
	c.push(channels.NewFrame(make([]byte, 1000)))
	l.server.cfg.Account.SetMost(1)
	if l.shed(); c.state != connClosing {
		t.Error("the socket was not closed")
	}
}

// What a storm has left is given back: places of sockets, slices of queues, the
// table of sessions.
func TestShrink_AfterAStorm(t *testing.T) {
	const many = 15_000
	l, conns := byHand(t, many)
	frame := channels.NewFrame([]byte("x"))
	for _, c := range conns {
		for range 5 {
			c.Send(frame)
		}
	}
	last := l.handle(conns[many-1])
	for _, c := range conns[1:] {
		c.die()
	}
	for len(l.ended) > 0 {
		l.bury()
	}
	for l.dirty.len() > 0 {
		l.flush()
	}
	if len(l.frames.free) < pooledSlices {
		t.Fatalf("%d slices are pooled", len(l.frames.free))
	}
	for range 20 {
		l.started = l.started.Add(-time.Second)
		l.tick()
		l.expire()
	}
	if n, free, pooled := cap(l.slots), cap(l.free), len(l.frames.free); n > fewSlots || free > fewSlots || pooled > 0 {
		t.Errorf("%d slots, %d free ones and %d slices are kept for one socket", n, free, pooled)
	}
	if n := cap(conns[0].lane.dirty.items); n > mostKept {
		t.Errorf("%d places to be written are kept", n)
	}
	if c := l.lookup(last); c != nil {
		t.Error("a handle of a socket that is gone finds another")
	}
	if l.lookup(l.handle(conns[0])) != conns[0] {
		t.Error("the socket that is left is not found")
	}
}

func TestShrunk_KeepsTheEntriesOfAMap(t *testing.T) {
	m, peak := map[int]int{}, 0
	for i := range 10_000 {
		m[i], peak = i, max(peak, i+1)
	}
	for i := range 10_000 - 100 {
		delete(m, i)
		m = shrunk(m, &peak)
	}
	if len(m) != 100 || peak > 1024 {
		t.Errorf("%d entries are left of 100, in a map for %d", len(m), peak)
	}
	for i := 10_000 - 100; i < 10_000; i++ {
		if m[i] != i {
			t.Fatalf("entry %d is %d", i, m[i])
		}
	}
}
