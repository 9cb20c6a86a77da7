package sockets

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/testkit/logbook"
	"fanfare/pusherproto"
)

var overQuota = &pusherproto.Error{Code: pusherproto.CodeOverQuota, Message: "Application is over connection quota"}

// gate is a cluster that lets sockets in when the test says so, and does nothing
// else.
type gate struct {
	channels.Cluster
	mu      sync.Mutex
	waiting []func(*pusherproto.Error)
	inside  int
}

func (g *gate) New(channels.Node) channels.Cluster { return g }

func (g *gate) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (g *gate) Join(_ channels.Join, answer func(channels.Joined)) { answer(channels.Joined{}) }

func (g *gate) Leave(channels.Leave) {}

func (g *gate) Admit(_ *apps.App, answer func(*pusherproto.Error)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, answer)
	return false
}

func (g *gate) Depart(*apps.App) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
}

// knocks waits for a socket that waits, and returns its answer.
func (g *gate) knocks(h *harness) func(*pusherproto.Error) {
	h.Helper()
	var answer func(*pusherproto.Error)
	h.until("a socket waits", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.waiting) == 0 {
			return false
		}
		answer, g.waiting = g.waiting[0], g.waiting[1:]
		return true
	})
	return func(refusal *pusherproto.Error) {
		if refusal == nil {
			g.mu.Lock()
			g.inside++
			g.mu.Unlock()
		}
		answer(refusal)
	}
}

// gated runs a test over both links of a node of a cluster that has sockets wait.
func gated(t *testing.T, test func(h *harness, g *gate, b *logbook.Book)) {
	for name, portable := range map[string]bool{"epoll": false, "stream": true} {
		t.Run(name, func(t *testing.T) {
			g, b := new(gate), logbook.New(slog.LevelDebug)
			h := startIn(t, g.New, Config{Portable: portable, Logger: b.Logger}, nil)
			t.Cleanup(func() { // after that of the server, which is asked for before
				for _, l := range h.server.loops {
					if l.admissions != nil {
						t.Errorf("admissions are left: %v", l.admissions)
					}
				}
			})
			h.opening.Store(&Opening{App: h.app, Protocol: 7, Peer: &Peer{Origin: "https://a.example"}})
			test(h, g, b)
			h.until("all have left", func() bool {
				g.mu.Lock()
				defer g.mu.Unlock()
				return g.inside == 0 && len(g.waiting) == 0
			})
		})
	}
}

func TestAdmission_Later_GreetsAndGoesOn(t *testing.T) {
	gated(t, func(h *harness, g *gate, b *logbook.Book) {
		p := h.raw()
		p.send(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
		admit := g.knocks(h)
		if n := b.Count("connection opened"); n != 0 {
			h.Error("it is said to be open")
		}
		admit(nil)
		p.expect("connection_established")
		p.expect("subscription_succeeded")
		b.Expect(h, `msg="connection opened"`, "app=1", "transport=websocket", "origin=https://a.example")
		p.ping()
		p.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))
		b.Expect(h, `msg="connection closed"`, "code=1000")
	})
}

func TestAdmission_RefusedLater_IsTold(t *testing.T) {
	gated(t, func(h *harness, g *gate, b *logbook.Book) {
		p := h.raw()
		p.send(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
		g.knocks(h)(overQuota)
		p.expect(`"code":4004`)
		p.expectClose(pusherproto.CodeOverQuota)
		b.Expect(h, "level=WARN", `msg="connection refused"`, "app=1", "code=4004", "transport=websocket", "origin=https://a.example")
		h.until("its connection is gone", func() bool { return h.server.Sockets() == 0 })
		if n := b.Count("connection opened") + b.Count("connection closed"); n != 0 {
			h.Error("a refused connection is said to have been open")
		}
		if s := h.hub.Stats(); s.Refusals[pusherproto.CodeOverQuota] != 1 || len(s.Apps[0].Closed) != 0 {
			h.Errorf("counted %+v", s)
		}
	})
}

func TestAdmission_GoneBeforeTheAnswer_LeavesNothing(t *testing.T) {
	for _, refusal := range []*pusherproto.Error{nil, overQuota} {
		gated(t, func(h *harness, g *gate, _ *logbook.Book) {
			p := h.raw()
			admit := g.knocks(h)
			_ = p.conn.Close()
			h.until("its connection is gone", func() bool { return h.server.Sockets() == 0 })
			admit(refusal)
		})
	}
}

// A drain tells who waits to come in, too.
func TestAdmission_Drain_SendsWhoWaitsElsewhere(t *testing.T) {
	gated(t, func(h *harness, g *gate, _ *logbook.Book) {
		p := h.raw()
		admit := g.knocks(h)
		ctx, cancel := context.WithTimeout(h.Context(), patience)
		defer cancel()
		drained := make(chan error, 1)
		go func() { drained <- h.server.Drain(ctx, 0) }()
		p.expectClose(pusherproto.CodeReconnect)
		if err := <-drained; err != nil {
			h.Fatal(err)
		}
		admit(nil)
	})
}

func TestAdmission_HTTPSession_IsGreetedLater(t *testing.T) {
	g := new(gate)
	h := startIn(t, g.New, Config{ReceiveWithin: time.Second}, nil)
	for _, refusal := range []*pusherproto.Error{nil, overQuota} {
		random := "in"
		if refusal != nil {
			random = "out"
		}
		s := h.session(random)
		if l := s.poll(); l.opened != 1 || len(l.messages) != 0 {
			h.Fatalf("the first receive was told %+v", l)
		}
		s.say(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
		r := s.open(false)
		g.knocks(h)(refusal)
		l := s.told(r)
		if refusal != nil {
			if len(l.messages) != 1 || !strings.Contains(l.messages[0], `"code":4004`) || l.code != pusherproto.CodeOverQuota {
				h.Errorf("a refused session was told %+v", l)
			}
			continue
		}
		if l.messages = append(l.messages, s.rest(l, 2)...); !strings.Contains(l.messages[0], "connection_established") || !strings.Contains(l.messages[1], "subscription_succeeded") {
			h.Errorf("the session was told %+v", l)
		}
	}
}

// rest polls until there are so many messages, those of l included.
func (s *session) rest(l lines, want int) (more []string) {
	s.Helper()
	for len(l.messages)+len(more) < want {
		more = append(more, s.poll().messages...)
	}
	return more
}
