package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

// office is a node that publishes.
type office struct {
	hub  *channels.Hub
	app  apps.App
	stop func(gently bool)
}

// openOffice opens one.
func openOffice(t *testing.T, addr string) *office {
	t.Helper()
	engine, err := New(Config{Addresses: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{app: apps.Default()}
	o.app.ID = "shop"
	o.hub = channels.New(channels.Config{Cluster: func(n channels.Node) channels.Cluster {
		return cluster.NewPeer(n, cluster.Config{}, engine)
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = o.hub.Run(ctx)
	}()
	var once sync.Once
	o.stop = func(gently bool) {
		once.Do(func() {
			if gently {
				o.hub.Close()
			}
			o.hub.Conclude()
			cancel()
			<-ended
		})
	}
	t.Cleanup(func() { o.stop(true) })
	return o
}

// keyed is an event with a key: that of a number, in one of several channels.
func keyed(n, digest int) pusherproto.Event {
	return pusherproto.Event{
		Name: "e", Channels: []string{fmt.Sprint("a", n%5), "b"}, Data: fmt.Appendf(nil, `"%d."`, n),
		Claim: &pusherproto.Claim{Key: [16]byte{1, byte(n), byte(n >> 8)}, Digest: [16]byte{byte(digest)}},
	}
}

// insists publishes until the event is out, as a back end does that tries again,
// on whatever node there is.
func insists(t *testing.T, at *atomic.Pointer[office], ev pusherproto.Event) bool {
	ctx, cancel := context.WithTimeout(t.Context(), deadline.Long)
	defer cancel()
	for {
		o := at.Load()
		err := o.hub.Publish(ctx, &o.app, ev)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			t.Errorf("%s: %v", ev.Data, err)
			return false
		}
	}
}

// Sixteen callers publish the same events at once, on two nodes that are replaced
// by others all the time: each event comes once on each of its channels.
func TestOnce_SixteenCallers_NodesComeAndGo_EachEventOnce(t *testing.T) {
	s := startServer(t)
	h := openHouse(t, s.addr())
	const events = 40
	for _, channel := range []string{"a0", "a1", "a2", "a3", "a4", "b"} {
		joined := make(chan channels.Joined, 1)
		h.Join(channels.Join{App: &h.app, Channel: channel, Kind: pusherproto.KindOf(channel)}, func(j channels.Joined) { joined <- j })
		<-joined
	}
	var nodes [2]atomic.Pointer[office]
	for i := range nodes {
		nodes[i].Store(openOffice(t, s.addr()))
	}
	over := make(chan struct{})
	var replaced atomic.Int32
	var changes sync.WaitGroup
	changes.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			case <-time.After(200 * time.Millisecond):
			}
			next := openOffice(t, s.addr())
			nodes[i%2].Swap(next).stop(i%4 < 2)
			replaced.Add(1)
		}
	})
	var callers sync.WaitGroup
	for caller := range 16 {
		order := rand.New(rand.NewPCG(2, uint64(caller))).Perm(events)
		callers.Go(func() {
			for first := true; first || replaced.Load() < 8; first = false {
				for _, n := range order {
					if !insists(t, &nodes[caller%2], keyed(n, 1)) {
						return
					}
				}
			}
		})
	}
	callers.Wait()
	if t.Failed() {
		close(over)
		changes.Wait()
		return
	}
	close(over)
	changes.Wait()
	for _, channel := range []string{"a0", "a1", "a2", "a3", "a4", "b"} {
		insists(t, &nodes[0], pusherproto.Event{Name: "last", Channels: []string{channel}, Data: []byte(`""`)})
	}
	want := map[string]int{}
	for n := range events {
		for _, channel := range keyed(n, 1).Channels {
			want[fmt.Sprintf(`{"event":"e","channel":"%s","data":"%d."}`, channel, n)] = 1
		}
	}
	late := time.After(deadline.Long)
	for {
		h.mu.Lock()
		got, lasts := map[string]int{}, map[string]bool{}
		for _, line := range h.heard {
			if want[line] > 0 {
				got[line]++
			} else {
				lasts[line] = true
			}
		}
		more := h.more
		h.mu.Unlock()
		if len(lasts) < 6 {
			select {
			case <-more:
				continue
			case <-late:
				t.Fatalf("only %v came", lasts)
			}
		}
		for line := range want {
			if got[line] != 1 {
				t.Errorf("%s came %d times", line, got[line])
			}
		}
		return
	}
}

// A key is that of one call for all nodes.
func TestOnce_OtherCallOnAnotherNode_IsRefused(t *testing.T) {
	s := startServer(t)
	var one, other atomic.Pointer[office]
	one.Store(openOffice(t, s.addr()))
	other.Store(openOffice(t, s.addr()))
	insists(t, &one, keyed(1, 1))
	insists(t, &other, keyed(1, 1))
	o := other.Load()
	if err := o.hub.Publish(t.Context(), &o.app, keyed(1, 2)); !errors.Is(err, channels.ErrKeyUsed) {
		t.Errorf("another call with the key got %v", err)
	}
	if err := o.hub.PublishBatch(t.Context(), &o.app, []pusherproto.Event{keyed(2, 1), keyed(2, 2)}); !errors.Is(err, channels.ErrKeyUsed) {
		t.Errorf("a batch with one key for two events got %v", err)
	}
	elsewhere := o.app
	elsewhere.ID = "other"
	if err := o.hub.Publish(t.Context(), &elsewhere, keyed(1, 2)); err != nil {
		t.Errorf("the key in another app got %v", err)
	}
	brief := o.app
	brief.ID, brief.IdempotencyTTL = "brief", time.Millisecond
	late := time.Now().Add(deadline.Long)
	for digest := 1; ; digest++ { // until the ledger's time has gone on
		err := o.hub.Publish(t.Context(), &brief, keyed(1, digest))
		if digest > 1 && err == nil {
			break
		}
		if time.Now().After(late) {
			t.Fatalf("a key is not free when its time is over: %v", err)
		}
	}
}

// A server without memory refuses a key that is new, and knows those that it has.
func TestOnce_ServerIsFull_NewKeysAreRefused(t *testing.T) {
	s := startServer(t)
	var at atomic.Pointer[office]
	o := openOffice(t, s.addr())
	at.Store(o)
	insists(t, &at, keyed(1, 1))
	ask(t, s.client(), "CONFIG", "SET", "maxmemory", "1")
	if err := o.hub.Publish(t.Context(), &o.app, keyed(2, 1)); !errors.Is(err, channels.ErrFull) {
		t.Errorf("a new key got %v", err)
	}
	if err := o.hub.Publish(t.Context(), &o.app, keyed(1, 2)); !errors.Is(err, channels.ErrKeyUsed) {
		t.Errorf("another call with a used key got %v", err)
	}
	ask(t, s.client(), "CONFIG", "SET", "maxmemory", "0")
	insists(t, &at, keyed(2, 1))
}
