package sockets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/pusherproto"
)

func TestFanout_EveryoneGetsEveryEventInOrder(t *testing.T) {
	links(t, func(h *harness) {
		const sockets, events = 50, 200
		var peers []*peer
		for range sockets {
			peers = append(peers, h.subscribed("news"))
		}
		for i := range events {
			h.publish("news", fmt.Sprint(i))
		}
		for _, p := range peers {
			for i := range events {
				p.expect(fmt.Sprintf(`"data":"%d"`, i))
			}
		}
	})
}

func TestFanout_TheExcludedSocket_DoesNotGetTheEvent(t *testing.T) {
	links(t, func(h *harness) {
		a, b := h.subscribed("news"), h.subscribed("news")
		id, _ := pusherproto.ParseSocketID(a.id)
		ev := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(`"first"`), SocketID: id}
		if err := h.hub.Publish(context.Background(), h.app, ev); err != nil {
			t.Fatal(err)
		}
		h.publish("news", "second")
		a.expect("second")
		b.expect("first")
		b.expect("second")
	})
}

func TestSlowReader_IsClosedAndNobodyElseIsHeldUp(t *testing.T) {
	t.Parallel()
	linksOf(t, Config{QueueBytes: 64 << 10}, nil, func(h *harness) {
		slow, quick := h.subscribed("news"), h.subscribed("news")
		_ = slow.tcp.SetReadBuffer(4096)
		data := strings.Repeat("x", 10_000)
		for i := 0; h.hub.Stats().SlowReaders == 0; i++ {
			if i == 20_000 {
				h.Fatal("the slow reader was never closed")
			}
			h.publish("news", data)
			quick.expect(`"data":"xxx`)
		}
		h.until("the slow socket is gone", func() bool { return h.server.Sockets() == 1 })
		quick.ping()
	})
}

func TestQuietSocket_IsPingedAndClosed4201IfItStaysSilent(t *testing.T) {
	t.Parallel()
	linksOf(t, Config{}, func(app *apps.App) {
		app.ActivityTimeout, app.PongTimeout = time.Hour, time.Minute
	}, func(h *harness) {
		silent, alive := h.dial(), h.dial()
		h.pass(time.Hour + 2*time.Second)
		for _, p := range []*peer{silent, alive} {
			f := p.read()
			if f.Header.OpCode != ws.OpPing {
				h.Fatalf("got %v %q, want a ping", f.Header.OpCode, f.Payload)
			}
			if p == alive {
				p.frame(ws.NewPongFrame(f.Payload))
				p.frame(ws.NewPingFrame(nil))
				if f := p.read(); f.Header.OpCode != ws.OpPong { // the pong before it has been handled
					h.Fatalf("got %v %q, want a pong", f.Header.OpCode, f.Payload)
				}
			}
		}
		h.pass(time.Minute + 2*time.Second)
		silent.expect(`"code":4201`)
		silent.expectClose(4201)
		alive.ping()
	})
}

func TestUnauthorizedSocket_IsClosedInTime(t *testing.T) {
	t.Parallel()
	h := start(t, Config{}, func(app *apps.App) {
		app.RequireAuthorization, app.AuthorizationTimeout = true, time.Minute
	})
	p := h.subscribed("public")
	h.pass(time.Minute + 2*time.Second)
	p.expect(`"code":4009`)
	p.expectClose(4009)
}

func TestRefusal_IsToldAsErrorAndAsCloseCode(t *testing.T) {
	linksOf(t, Config{}, nil, func(h *harness) {
		h.opening.Store(&Opening{Refusal: &pusherproto.Error{Code: 4001, Message: "Application does not exist"}})
		p := h.raw()
		p.expect(`{"event":"pusher:error","data":{"code":4001,"message":"Application does not exist"}}`)
		p.expectClose(4001)
	})
}

func TestQuota_TheSocketTooMany_IsRefused4004AndAPlaceIsFreeAgainLater(t *testing.T) {
	h := start(t, Config{}, func(app *apps.App) { app.Limits.MaxConnections = 1 })
	first := h.dial()
	second := h.raw()
	second.expect(`"code":4004`)
	second.expectClose(4004)
	_ = first.conn.Close()
	h.until("the first socket is gone", func() bool { return h.hub.Stats().Apps[0].Sockets == 0 })
	h.dial()
}

// See docs/spec/edge-cases.md, case 18.
func TestEndOfConnection_InTheMiddleOfAFrame_LeavesNothingBehind(t *testing.T) {
	for name, end := range map[string]func(p *peer) error{
		"reset":      func(p *peer) error { return errors.Join(p.tcp.SetLinger(0), p.tcp.Close()) },
		"end":        func(p *peer) error { return p.tcp.Close() },
		"half-close": func(p *peer) error { return p.tcp.CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			links(t, func(h *harness) {
				p := h.subscribed("news")
				p.write(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:ping"}`))))[:9])
				if err := end(p); err != nil {
					h.Fatal(err)
				}
				h.until("the channel is vacated", func() bool {
					info, err := h.hub.Channel(context.Background(), h.app, "news")
					return err == nil && info.Sockets == 0 && h.server.Sockets() == 0
				})
			})
		})
	}
}

func TestDrain_ToldEventsArriveThen4200(t *testing.T) {
	links(t, func(h *harness) {
		var peers []*peer
		for range 20 {
			peers = append(peers, h.subscribed("news"))
		}
		h.publish("news", "last words")
		drained := make(chan error, 1)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		go func() { drained <- h.server.Drain(ctx, 100*time.Millisecond) }()
		for _, p := range peers {
			p.expect("last words")
			p.expectClose(4200)
		}
		if err := <-drained; err != nil {
			t.Fatal(err)
		}
	})
}

func TestMassLeave_CountsEndAtZero(t *testing.T) {
	links(t, func(h *harness) {
		var peers []*peer
		for range 300 {
			peers = append(peers, h.subscribed("news"))
		}
		for _, p := range peers {
			_ = p.conn.Close()
		}
		h.until("all are gone", func() bool {
			info, err := h.hub.Channel(context.Background(), h.app, "news")
			return err == nil && info.Sockets == 0 && h.server.Sockets() == 0
		})
	})
}

// Who reads is not slow because one event is longer than its queue may be.
func TestSlowReader_IsNotWhoIsSentOneLongEvent(t *testing.T) {
	linksOf(t, Config{QueueBytes: 64 << 10}, nil, func(h *harness) {
		p := h.subscribed("news")
		long := strings.Repeat("x", 12<<20) // more than the kernel takes at once
		h.publish("news", long)
		h.publish("news", "short")
		p.expect(long)
		p.expect("short")
	})
}

func TestAfter_IsNeverTooEarly(t *testing.T) {
	for _, d := range []time.Duration{100 * time.Millisecond, time.Second, 1500 * time.Millisecond, 10 * time.Second} {
		l := &loop{now: 3, server: &Server{cfg: Config{ReceiveWithin: d}}} // its third second is as good as over
		for what, at := range map[string]uint32{"after": l.after(d), "within": l.now + (&httpSession{loop: l}).within()} {
			if begins := time.Duration(at-1) * time.Second; begins < 3*time.Second+d {
				t.Errorf("%s: what may take %s is cut when second %s begins", what, d, begins)
			}
		}
	}
}
