package webhooks

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fanfare/channels"
)

// tell tells a notice and returns how often its end was told.
func tell(s *Sender, n channels.Notice) *atomic.Int32 {
	ended := new(atomic.Int32)
	s.Tell(n, func() { ended.Add(1) })
	return ended
}

func wantEnds(t *testing.T, what string, want int32, ended *atomic.Int32) {
	t.Helper()
	if got := ended.Load(); got != want {
		t.Errorf("%s: its end was told %d times, want %d", what, got, want)
	}
}

func TestTell_DoneWhenTheLastEndpointHasIt(t *testing.T) {
	o := &outside{answer: func(_ int, r *http.Request) (int, error) {
		if r.URL.Host == "slow.test" {
			time.Sleep(2 * time.Second)
		}
		return 200, nil
	}}
	during(t, Config{Endpoints: map[string][]Endpoint{"a": {{URL: "http://fast.test"}, {URL: "http://slow.test"}}}}, o, func(t *testing.T, s *Sender) {
		ended := tell(s, added("presence-x", "u"))
		pass(time.Second)
		wantEnds(t, "told to one of two", 0, ended)
		pass(2 * time.Second)
		wantEnds(t, "told to both", 1, ended)
		if got := o.bodies(); len(got) != 2 || got[0] != `{"name":"member_added","channel":"presence-x","user_id":"u"}` {
			t.Errorf("got %q", got)
		}
	})
}

func TestTell_NobodyWantsIt_DoneAtOnce(t *testing.T) {
	during(t, Config{Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test", Events: []string{"client_event"}}}}}, &outside{}, func(t *testing.T, s *Sender) {
		wantEnds(t, "of another kind", 1, tell(s, occupied("x")))
		n := occupied("x")
		app := testApp("none")
		n.App = &app
		wantEnds(t, "of an app without endpoints", 1, tell(s, n))
	})
}

func TestTell_NoGrace(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		tell(s, vacated("x"))
		pass(0)
		if len(o.seen()) != 1 {
			t.Error("an end that is told was held back")
		}
	})
}

func TestTell_GivenUpOrDropped_IsDone(t *testing.T) {
	o := &outside{answer: func(int, *http.Request) (int, error) { return 500, nil }}
	during(t, Config{QueueEvents: 2}, o, func(t *testing.T, s *Sender) {
		first := tell(s, added("presence-x", "1"))
		pass(time.Second) // it is under way
		second, third, fourth := tell(s, clientEvent("private-x", "client-e", "1")), tell(s, clientEvent("private-x", "client-e", "2")), tell(s, clientEvent("private-x", "client-e", "3"))
		wantEnds(t, "dropped, there was no room", 1, second)
		pass(6 * time.Minute)
		wantEnds(t, "given up", 1, first)
		wantEnds(t, "waits", 0, fourth)
		pass(10 * time.Minute)
		wantEnds(t, "given up later", 1, third)
		wantEnds(t, "given up last", 1, fourth)
		for _, e := range s.listed {
			e.mu.Lock()
			if len(e.receipts) > 0 {
				t.Errorf("%d receipts are left", len(e.receipts))
			}
			e.mu.Unlock()
		}
	})
}

func TestTell_FailingEndpoint_ADrainDoesNotWaitAndTheStoreDoesNotKeepIt(t *testing.T) {
	o := &outside{answer: func(int, *http.Request) (int, error) { return 500, nil }}
	store := filepath.Join(t.TempDir(), "hooks")
	for _, cfg := range []Config{{}, {Store: store}} {
		s := newTest(t, cfg, o)
		stop := run(t, s)
		ended := make(chan struct{})
		s.Tell(added("presence-x", "u"), func() { close(ended) })
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		if err := s.Drain(ctx); err != nil || ctx.Err() != nil {
			t.Errorf("drain: %v, %v", err, ctx.Err())
		}
		cancel()
		stop()
		select {
		case <-ended:
			t.Error("done was called for what nobody was told")
		default:
		}
	}
	again := newTest(t, Config{Store: store}, o)
	defer again.Close()
	if n := again.undelivered(); n != 0 {
		t.Errorf("%d events are in the store", n)
	}
}

// What the other nodes of a cluster see may come all the time.
func TestDrain_WhileMoreComes_EndsWithWhatWasQueued(t *testing.T) {
	o := &outside{answer: func(int, *http.Request) (int, error) {
		time.Sleep(100 * time.Millisecond)
		return 200, nil
	}}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		queued := make([]*atomic.Int32, 10)
		for i := range queued {
			queued[i] = tell(s, numbered(i))
		}
		ended, end := context.WithCancel(t.Context())
		var more sync.WaitGroup
		more.Go(func() {
			for i := 0; ended.Err() == nil; i++ {
				tell(s, numbered(i))
				time.Sleep(10 * time.Millisecond)
			}
		})
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := s.Drain(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the drain took %s", took)
		}
		for _, q := range queued {
			wantEnds(t, "queued before", 1, q)
		}
		end()
		more.Wait()
	})
}

func TestWants_WhatTheFiltersOfAllEndpointsLetThrough(t *testing.T) {
	s := newTest(t, Config{Grace: time.Minute, Endpoints: map[string][]Endpoint{"a": {
		{URL: "http://one.test", Events: []string{"member_removed"}, ChannelPrefix: "presence-"},
		{URL: "http://two.test", Events: []string{"client_event"}},
	}}}, &outside{})
	const members = uint16(1<<channels.MemberAdded | 1<<channels.MemberRemoved)
	const events = uint16(1 << channels.ClientEvent)
	for _, c := range []struct {
		app, channel string
		want         uint16
	}{
		{"a", "presence-x", members | events},
		{"a", "private-x", events},
		{"a", "#server-to-user-1", 0},
		{"b", "presence-x", 0},
	} {
		if got := s.Wants(c.app, c.channel); got != c.want {
			t.Errorf("%s of %s: %b, want %b", c.channel, c.app, got, c.want)
		}
	}
	if s.Grace() != time.Minute {
		t.Errorf("grace %v", s.Grace())
	}
}
