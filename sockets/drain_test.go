package sockets

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// held waits until the server answers a ping of the WebSocket's own, and tells
// that it has said nothing else.
func (p *peer) held() {
	p.t.Helper()
	p.frame(ws.NewPingFrame([]byte("?")))
	if f := p.read(); f.Header.OpCode != ws.OpPong {
		p.t.Fatalf("got %v %q, want a pong", f.Header.OpCode, f.Payload)
	}
}

func TestQuiesce_SessionsEnd_ConnectionsAreKeptUntilRelease(t *testing.T) {
	links(t, func(h *harness) {
		var peers []*peer
		for range 20 {
			peers = append(peers, h.subscribed("news"))
		}
		h.publish("news", "last words")
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.server.Quiesce(ctx); err != nil {
			t.Fatal(err)
		}
		info, err := h.hub.Channel(ctx, h.app, "news")
		if err != nil || info.Sockets > 0 {
			t.Errorf("%d sockets are on the channel, %v", info.Sockets, err)
		}
		peers = append(peers, h.raw()) // comes too late for a session
		for _, p := range peers[:20] {
			p.expect("last words")
		}
		for _, p := range peers {
			p.held()
		}
		h.server.Release()
		for _, p := range peers {
			if got := p.read(); got.Header.OpCode != ws.OpClose || string(got.Payload[2:]) != channels.Restarting.Message ||
				int(got.Payload[0])<<8|int(got.Payload[1]) != pusherproto.CodeOverCapacity {
				t.Fatalf("got %v %q", got.Header.OpCode, got.Payload)
			}
			_ = p.conn.Close()
		}
		last := h.raw() // the listener is not closed yet
		last.expect(`"code":4100`)
		last.expectClose(4100)
	})
}

// A server that is told to reload its apps while it drains looks at every
// connection.
func TestQuiesce_ConnectionsWithoutSession_SurviveARenewal(t *testing.T) {
	links(t, func(h *harness) {
		if err := h.server.Quiesce(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := h.raw()
		p.held()
		h.renew(func(a *apps.App) { a.Enabled = false })
		p.held()
		h.server.Release()
		p.expectClose(4100)
	})
}

func TestQuiesce_WhoDoesNotReadIsNotWaitedForLong_AndLosesNothing(t *testing.T) {
	linksOf(t, Config{CloseTimeout: time.Second}, nil, func(h *harness) {
		p := h.subscribed("news")
		long := strings.Repeat("x", 12<<20) // more than the kernel takes at once
		h.publish("news", long)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.server.Quiesce(ctx); err != nil {
			t.Fatal(err)
		}
		// On a busy machine the client takes longer to read all than it was
		// waited for.
		limits := h.server.cfg.limits()
		limits.CloseTimeout = patience
		if err := h.server.SetLimits(limits); err != nil {
			t.Fatal(err)
		}
		released := make(chan struct{})
		go func() { h.server.Release(); close(released) }()
		p.expect(long)
		p.expectClose(4100)
		<-released
	})
}

// See docs/spec/http-fallback.md#session-life. A poll that comes between must not
// be the one that is told too early, nor find nothing.
func TestQuiesce_HTTPSessions_GetWhatWasAccepted_ThenTheCode(t *testing.T) {
	h := start(t, Config{Loops: 2, CloseTimeout: patience}, nil)
	stream, between := h.session("stream"), h.session("between")
	stream.joined("c")
	between.joined("c")
	r := stream.open(true)
	stream.told(r)
	h.publish("c", "accepted")
	quiet := make(chan error, 1)
	go func() { quiet <- h.server.Quiesce(t.Context()) }()
	if l := stream.told(r); len(l.messages) != 1 || !strings.Contains(l.messages[0], "accepted") {
		t.Errorf("the stream was told %+v", l)
	}
	if l := between.poll(); len(l.messages) != 1 || !strings.Contains(l.messages[0], "accepted") {
		t.Errorf("the poll was told %+v", l)
	}
	select {
	case err := <-quiet:
		t.Fatalf("it does not wait for who is about to ask (%v)", err)
	default:
	}
	next := between.open(false)
	if err := <-quiet; err != nil {
		t.Fatal(err)
	}
	newcomer := h.session("late")
	if l := newcomer.poll(); l.opened != 1 || l.closed || len(l.messages) > 0 {
		t.Errorf("who came during the drain was told %+v", l)
	}
	again := newcomer.open(false)
	newcomer.inside(func(*conn, *httpSession) {})
	released := make(chan struct{})
	go func() { h.server.Release(); close(released) }()
	for what, l := range map[string]lines{"stream": stream.told(r), "poll": between.told(next), "newcomer": newcomer.told(again)} {
		if l.code != pusherproto.CodeOverCapacity {
			t.Errorf("%s: told %+v", what, l)
		}
	}
	<-released
	if n := h.server.Sockets(); n > 0 {
		t.Errorf("%d sessions were told and still count", n)
	}
}

// With a successor newcomers are refused at once, and not with 4200: they would
// come back without a pause while the load balancer still sends them here.
func TestDrain_WhoComesMeanwhile_4100(t *testing.T) {
	links(t, func(h *harness) {
		for range 40 { // of which each wave takes one
			h.dial()
		}
		drained := make(chan error, 1)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		go func() { drained <- h.server.Drain(ctx, time.Hour) }()
		h.until("it has begun", func() bool { return errors.Is(h.hub.TryPublish(h.app), channels.ErrDraining) })
		p := h.raw()
		p.expect(`"code":4100`)
		p.expectClose(4100)
		cancel()
		if err := <-drained; err == nil {
			t.Error("the drain was over before all waves were")
		}
	})
}

// Nobody is to come back a second later who can be served elsewhere at once.
func TestDrain_AfterSucceed_LatecomersGoToo(t *testing.T) {
	linksOf(t, Config{CloseTimeout: patience}, nil, func(h *harness) {
		p := h.subscribed("news")
		if err := h.server.Succeed(t.Context()); err != nil {
			t.Fatal(err)
		}
		drained := make(chan error, 1)
		go func() { drained <- h.server.Drain(t.Context(), 0) }()
		f := p.read() // and does not answer: the drain goes on
		for f.Header.OpCode == ws.OpText {
			f = p.read()
		}
		if code, _ := ws.ParseCloseFrameData(f.Payload); f.Header.OpCode != ws.OpClose || code != 4200 {
			h.Errorf("got %v %q, want close 4200", f.Header.OpCode, f.Payload)
		}
		late := h.raw()
		late.expectClose(4200)
		_, _ = p.conn.Close(), late.conn.Close()
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

func TestDismiss_OfManySockets_EndsInTime(t *testing.T) {
	for _, c := range []struct {
		sockets int
		within  time.Duration
		want    int
	}{
		{0, 30 * time.Second, 0},
		{150_000, 30 * time.Second, 500},
		{1_000_000, 30 * time.Second, 3334},
		{100, drainWave, 100},
		{100, -time.Second, 100},
	} {
		if got := leastWave(c.sockets, c.within); got != c.want {
			t.Errorf("%d sockets within %s: waves of %d, want %d", c.sockets, c.within, got, c.want)
		}
	}
}
