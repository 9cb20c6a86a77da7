package sockets

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
)

// Whatever the clock does between two looks, no entry is lost: the process may
// have been stopped for longer than the wheel reaches.
func TestWheel_AfterAnyPause_EveryEntryIsFound(t *testing.T) {
	for _, pause := range []uint32{1, 2, 3, wheelSlots - 1, wheelSlots, wheelSlots + 1, 3*wheelSlots + 7} {
		for _, ahead := range []uint32{1, 2, wheelSlots - 1, 10 * wheelSlots} {
			w := wheel{last: 100}
			const start = 100
			w.add(handle{1, 1}, w.reach(start+ahead, start))
			now, found := uint32(start), 0
			for range 40 {
				now += pause
				w.take(now, func(h handle) {
					found++
					w.add(h, w.reach(now+ahead, now)) // as a connection that is looked at and lives on
				})
			}
			// An entry comes up again once its time has passed, and not more often.
			due := min(ahead, wheelSlots)
			if least, most := int(40*pause/(due+pause)), int(40*pause/due); found < least || found > most {
				t.Errorf("looked every %d s, entry %d s ahead: found %d times, want %d to %d", pause, ahead, found, least, most)
			}
		}
	}
}

// See docs/spec/edge-cases.md, case 79. After a pause that outlasts the wheel,
// deadlines still come, those of long timeouts too.
func TestDeadlines_OutliveALongPause(t *testing.T) {
	h := start(t, Config{Loops: 1}, func(app *apps.App) { app.ActivityTimeout = time.Hour })
	h.dial()
	l := h.server.loops[0]
	pass := func(seconds uint32) { // as if the process had been stopped
		h.on(l, func() { l.started = l.started.Add(-time.Duration(seconds) * time.Second) })
	}
	for _, stopped := range []uint32{3, wheelSlots, 2*wheelSlots + 3} {
		pass(stopped)
		h.until("the deadline is in the wheel", func() (ok bool) {
			h.on(l, func() {
				c := l.slots[0].conn
				for _, entry := range l.wheel.slots[c.due%wheelSlots] {
					ok = ok || c.due > l.now && entry == l.handle(c)
				}
			})
			return ok
		})
	}
}

// A turn reads the clock before it handles events and looks at deadlines after
// them. What is put far ahead in between keeps its place, however many seconds
// the turn is late.
func TestDeadlines_PutFarAheadInALateTurn_AreKept(t *testing.T) {
	h := start(t, Config{Loops: 1}, func(app *apps.App) { app.ActivityTimeout = 24 * time.Hour })
	h.dial()
	l := h.server.loops[0]
	for _, late := range []uint32{1, 2, 3, wheelSlots - 1, wheelSlots, wheelSlots + 1, 2*wheelSlots + 3} {
		h.on(l, func() {
			c := l.slots[0].conn
			l.started = l.started.Add(-time.Duration(late) * time.Second)
			l.tick()
			l.schedule(c, l.now+10*wheelSlots)
			l.expire()
			if c.due <= l.now || !slices.Contains(l.wheel.slots[c.due%wheelSlots], l.handle(c)) {
				t.Errorf("%d s late: the connection is not looked at again", late)
			}
		})
	}
}

// A connection that asks again and again has one entry for each second, not
// one for each request.
func TestSchedule_OftenInASecond_IsOneEntry(t *testing.T) {
	h := start(t, Config{Loops: 1}, nil)
	h.dial()
	l := h.server.loops[0]
	h.on(l, func() {
		c := l.slots[0].conn
		for range 1000 {
			l.schedule(c, l.now+7)
		}
		if n := len(l.wheel.slots[(l.now+7)%wheelSlots]); n != 1 {
			t.Errorf("%d entries", n)
		}
	})
}

// A process that stood still for longer than the wheel reaches (a stopped
// virtual machine, SIGSTOP) still looks after the sockets it had.
func TestDeadlines_AfterALongStop_AreKept(t *testing.T) {
	links(t, func(h *harness) {
		for _, stop := range []time.Duration{5 * time.Minute, wheelSlots * time.Second, time.Hour} {
			p := h.dial()
			for _, l := range h.server.loops {
				l.Post(channels.Call(func() { l.started = l.started.Add(-stop) }))
			}
			if f := p.read(); f.Header.OpCode != ws.OpPing {
				t.Fatalf("after %s: got %v %q, want a ping", stop, f.Header.OpCode, f.Payload)
			}
		}
	})
}

// busy is a waiter that always has more.
type busy struct{ waiter }

func (b busy) wait(time.Duration) (worked, more bool) {
	b.waiter.wait(0)
	return true, true
}

// Deadlines come even if there is no end of what clients send.
func TestDeadlines_ComeUnderAFlood(t *testing.T) {
	server, err := New(Config{Loops: 1, ReceiveWithin: time.Second}, channels.New(channels.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	server.loops[0].waiter = busy{server.loops[0].waiter}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { _ = server.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	app := apps.Default()
	s := &session{harness: &harness{T: t, server: server, app: &app}, key: SessionKey{Random: "r"}}
	s.poll() // and never again
	s.until("the session is gone", func() bool { return server.Sockets() == 0 })
}
