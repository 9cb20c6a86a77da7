package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/internal/account"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

// house is a node: a Peer over an Engine, and what it tells its sockets.
type house struct {
	*cluster.Peer
	t   *testing.T
	app apps.App
	own *account.Account

	mu    sync.Mutex
	heard []string
	more  chan struct{}
}

func openHouse(t *testing.T, addr string, change ...func(*Config)) *house {
	t.Helper()
	return openHouseAt(t, time.Now, addr, change...)
}

// openHouseAt opens one with a clock of its own.
func openHouseAt(t *testing.T, now func() time.Time, addr string, change ...func(*Config)) *house {
	t.Helper()
	to := Config{Addresses: []string{addr}}
	for _, f := range change {
		f(&to)
	}
	engine, err := New(to)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, app: apps.Default(), own: account.New(0), more: make(chan struct{})}
	h.app.ID = "shop"
	// On a slow machine nobody is taken for away.
	cfg := cluster.Config{Now: now, JoinPatience: deadline.Long, SendPatience: deadline.Long, QueueAge: deadline.Long, DeathAfter: deadline.Long, Desk: h}
	h.Peer = cluster.NewPeer(h, cfg, engine)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(deadline.Long):
			t.Error("Run does not end")
		}
	})
	return h
}

func (h *house) note(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = append(h.heard, line)
	close(h.more)
	h.more = make(chan struct{})
}

// Deliver implements channels.Node, and so do the others.
func (h *house) Deliver(_ *apps.App, _ string, f *channels.Frame, _ pusherproto.SocketID) {
	h.note(string(bytes.TrimSpace(f.Payload())))
}
func (h *house) CloseUser(*apps.App, string, int, string)                {}
func (h *house) CloseSubscribers(_ *apps.App, c string, _ int, _ string) { h.note("closed " + c) }
func (h *house) DeliverToWatchers(*apps.App, string, *channels.Frame)    {}
func (h *house) Observe(channels.Notice)                                 {}
func (h *house) Account(*apps.App) *account.Account                      { return h.own }

// expect waits for a line with the text, and forgets it and those before.
func (h *house) expect(text string) {
	h.t.Helper()
	late := time.After(deadline.Long)
	for {
		h.mu.Lock()
		at := slices.IndexFunc(h.heard, func(line string) bool { return strings.Contains(line, text) })
		if at >= 0 {
			h.heard = h.heard[at+1:]
		}
		more, heard := h.more, strings.Join(h.heard, "\n")
		h.mu.Unlock()
		if at >= 0 {
			return
		}
		select {
		case <-more:
		case <-late:
			h.t.Fatalf("nothing has %q; heard\n%s", text, heard)
		}
	}
}

// silent fails the test if a line has the text.
func (h *house) silent(text string) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, line := range h.heard {
		if strings.Contains(line, text) {
			h.t.Errorf("heard %s", line)
		}
	}
}

const lobby = "presence-lobby"

func (h *house) join(user string) {
	h.t.Helper()
	if refused := h.tryJoin(user); refused != nil {
		h.t.Fatalf("%s is refused: %v", user, refused)
	}
}

func (h *house) tryJoin(user string) *pusherproto.SubscriptionError {
	h.t.Helper()
	joined := make(chan channels.Joined, 1)
	h.Join(channels.Join{App: &h.app, Channel: lobby, Kind: pusherproto.KindOf(lobby), Socket: pusherproto.SocketID{A: 1, B: 1}, Member: pusherproto.Member{UserID: user}},
		func(j channels.Joined) { joined <- j })
	select {
	case j := <-joined:
		return j.Refused
	case <-time.After(deadline.Long):
		h.t.Fatalf("no answer to the join of %s", user)
		return nil
	}
}

func (h *house) leave(user string) {
	h.Leave(channels.Leave{App: &h.app, Channel: lobby, Kind: pusherproto.KindOf(lobby), UserID: user})
}

// publish returns what became of the event.
func (h *house) publish(data string) error {
	accepted := make(chan error, 1)
	h.Publish(channels.Publication{App: &h.app, Channel: lobby, Frame: channels.NewFrame([]byte(data)), Accepted: func(err error) { accepted <- err }})
	select {
	case err := <-accepted:
		return err
	case <-time.After(deadline.Long):
		return errors.New("no answer")
	}
}

// publishLong publishes until the event is accepted.
func (h *house) publishLong(data string) {
	h.t.Helper()
	var err error
	for end := time.Now().Add(deadline.Long); time.Now().Before(end); {
		if err = h.publish(data); err == nil {
			return
		}
	}
	h.t.Fatal(err)
}

func (h *house) members() []string {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline.Long)
	defer cancel()
	users, err := h.Members(ctx, &h.app, lobby)
	if err != nil {
		h.t.Fatal(err)
	}
	return users
}

func TestPeers_SeeOneOrder(t *testing.T) {
	s := startServer(t)
	a, b := openHouse(t, s.addr()), openHouse(t, s.addr())
	a.join("anna")
	b.join("bert")
	a.expect("bert")
	b.join("anna") // a second tab, on another node
	a.leave("anna")
	var publishers sync.WaitGroup
	for i, h := range []*house{a, b} {
		publishers.Go(func() {
			for n := range 100 {
				if err := h.publish(fmt.Sprintf("event %d of %d", n, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	publishers.Wait()
	a.publishLong("the end")
	// Both hear the same events in the same order.
	wait := func(h *house) []string {
		h.t.Helper()
		late := time.After(deadline.Long)
		for {
			h.mu.Lock()
			heard, more := slices.Clone(h.heard), h.more
			h.mu.Unlock()
			if slices.Contains(heard, "the end") {
				return slices.DeleteFunc(heard, func(line string) bool { return !strings.HasPrefix(line, "event ") })
			}
			select {
			case <-more:
			case <-late:
				h.t.Fatal("the end has not come")
			}
		}
	}
	if one, other := wait(a), wait(b); len(one) != 200 || !slices.Equal(one, other) {
		t.Errorf("%d and %d events:\n%s\n\n%s", len(one), len(other), strings.Join(one, "\n"), strings.Join(other, "\n"))
	}
	a.silent("member_removed")
	b.silent("member_removed")
	b.leave("anna")
	a.publishLong("after")
	b.expect("after")
	if got := b.members(); !slices.Equal(got, []string{"bert"}) {
		t.Errorf("members %q", got)
	}
}

func TestPeers_ARestartIsNoTransition(t *testing.T) {
	for name, data := range map[string]bool{"with data": true, "empty": false} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			a, b := openHouse(t, s.addr()), openHouse(t, s.addr())
			a.join("anna")
			b.join("bert")
			a.expect("bert")
			b.expect("bert")
			if data {
				ask(t, s.client(), "SAVE")
			}
			s.stop()
			s.start()
			a.publishLong("after")
			b.publishLong("after too")
			for _, h := range []*house{a, b} {
				h.silent("member_")
				h.expect("after")
				h.silent("closed")
			}
			a.join("carl")
			b.expect("carl")
			if got := b.members(); len(got) != 3 {
				t.Errorf("members %q", got)
			}
		})
	}
}

func TestPeers_ACutLosesAndDoublesNothing(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr())
	a, b := openHouse(t, s.addr()), openHouse(t, p.addr())
	a.join("anna")
	b.join("bert")
	a.expect("bert")
	for i := range 5 {
		p.cut()
		a.publishLong(fmt.Sprintf("cut %d.", i))
		b.expect(fmt.Sprintf("cut %d.", i))
		b.silent(fmt.Sprintf("cut %d.", i))
		a.silent("member_")
	}
}

func TestPeers_AClockThatIsOffByHoursChangesNothing(t *testing.T) {
	s := startServer(t)
	off := func(by time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(by) } }
	a, b, c := openHouse(t, s.addr()), openHouseAt(t, off(7*time.Hour), s.addr()), openHouseAt(t, off(-30*time.Hour), s.addr())
	all := []*house{a, b, c}
	for i, h := range all {
		h.join([]string{"anna", "bert", "carl"}[i])
	}
	for _, h := range all {
		for end := time.Now().Add(deadline.Long); len(h.Health().Nodes) < len(all); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("one hears of %+v", h.Health().Nodes)
			}
		}
		h.publishLong("of all")
	}
	for _, h := range all {
		for range all {
			h.expect("of all")
		}
		h.silent("member_removed")
		h.silent("closed")
		if got := h.members(); !slices.Equal(got, []string{"anna", "bert", "carl"}) {
			t.Errorf("members %q", got)
		}
	}
	b.leave("bert")
	a.expect("member_removed")
	c.expect("member_removed")
}
