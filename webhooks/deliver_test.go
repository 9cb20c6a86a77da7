package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/testkit/logbook"
	"fanfare/pusherproto"
)

func times(o *outside) []time.Duration {
	var out []time.Duration
	for _, r := range o.seen() {
		out = append(out, r.at.Round(time.Millisecond))
	}
	return out
}

func seconds(list ...int) []time.Duration {
	var out []time.Duration
	for _, s := range list {
		out = append(out, time.Duration(s)*time.Second)
	}
	return out
}

func failing(int, *http.Request) (int, error) { return 500, nil }

// Edge case 169.
func TestDeliver_WhatIsAndIsNotAccepted(t *testing.T) {
	for _, c := range []struct {
		answer int
		err    error
		tries  int
	}{
		{200, nil, 1},
		{201, nil, 1},
		{204, nil, 1},
		{301, nil, 2},
		{304, nil, 2},
		{400, nil, 2},
		{404, nil, 2},
		{410, nil, 2},
		{429, nil, 2},
		{500, nil, 2},
		{0, errReset, 2},
		{0, context.DeadlineExceeded, 2},
	} {
		o := &outside{answer: func(n int, _ *http.Request) (int, error) {
			if n > 1 {
				return 200, nil
			}
			return c.answer, c.err
		}}
		during(t, Config{}, o, func(t *testing.T, s *Sender) {
			s.Observe(occupied("x"))
			pass(time.Minute)
			if n := len(o.seen()); n != c.tries {
				t.Errorf("%d %v: %d requests, want %d", c.answer, c.err, n, c.tries)
			}
			st := s.Stats().Endpoints[0]
			if st.Sent != 1 || st.Queued != 0 || st.Retried != uint64(c.tries-1) || st.Failed != uint64(c.tries-1) {
				t.Errorf("%d %v: %+v", c.answer, c.err, st)
			}
		})
	}
}

// See docs/spec/webhooks.md#delivery.
func TestDeliver_Refused_RetriesForFiveMinutes_ThenDrops(t *testing.T) {
	o := &outside{answer: failing}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		pass(10 * time.Minute)
		// The last one so that its answer, too, is there within the five minutes.
		if diff := cmp.Diff(seconds(0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 290), times(o)); diff != "" {
			t.Errorf("attempts (-want +got)\n%s", diff)
		}
		for _, r := range o.seen() {
			if r.body != o.seen()[0].body {
				t.Errorf("a retry changed the body:\n%s\n%s", o.seen()[0].body, r.body)
			}
		}
		if st := s.Stats().Endpoints[0]; droppedOf(st) != 1 || st.Queued != 0 || !st.Down {
			t.Errorf("%+v", st)
		}
	})
}

func TestDeliver_JitterIsAFifthEachWay(t *testing.T) {
	for random, want := range map[float64]time.Duration{0: 800 * time.Millisecond, 0.5: time.Second, 0.999999: 1200 * time.Millisecond} {
		o := &outside{answer: failing}
		during(t, Config{Random: func() float64 { return random }}, o, func(t *testing.T, s *Sender) {
			s.Observe(occupied("x"))
			pass(1500 * time.Millisecond)
			if got := times(o); len(got) < 2 || got[1] != want {
				t.Errorf("random %v: attempts at %v, want the second at %v", random, got, want)
			}
		})
	}
}

// A dead endpoint is not hammered: events that follow a dropped one do not
// start over with short waits.
func TestDeliver_DeadForHours_IsAskedOnceAMinute(t *testing.T) {
	o := &outside{answer: failing}
	during(t, Config{QueueEvents: 100}, o, func(t *testing.T, s *Sender) {
		for i := range 1000 {
			s.Observe(numbered(i))
		}
		pass(5 * time.Minute)
		before := len(o.seen())
		pass(2 * time.Hour)
		if n := len(o.seen()) - before; n > 2*60*7/5+2 {
			t.Errorf("%d requests in two hours", n)
		}
	})
}

func TestDeliver_WhileRefused_LaterEventsWait_ThenComeInOrder(t *testing.T) {
	o := &outside{answer: func(n int, _ *http.Request) (int, error) {
		if n < 6 {
			return 503, nil
		}
		return 200, nil
	}}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		for i := range 50 {
			s.Observe(numbered(i))
		}
		pass(time.Minute)
		if n := len(o.seen()); n != 55 {
			t.Fatalf("%d requests, want 5 refused and 50 accepted", n)
		}
		for i, r := range o.seen() {
			if want := fmt.Sprintf(`"data":"%d"`, max(i-5, 0)); !strings.Contains(r.body, want) {
				t.Errorf("request %d is %s, want %s", i, r.body, want)
			}
		}
	})
}

// One event that is refused holds the others up for its five minutes, no more.
func TestDeliver_OneEventIsNeverAccepted_TheNextFollowsAtOnce(t *testing.T) {
	o := &outside{}
	o.answer = func(n int, _ *http.Request) (int, error) {
		if strings.Contains(o.seen()[n-1].body, "poison") {
			return 422, nil
		}
		return 200, nil
	}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("poison"))
		s.Observe(occupied("good"))
		pass(291 * time.Second)
		if got := o.bodies(); !strings.Contains(got[len(got)-1], "good") {
			t.Errorf("requests %v", got)
		}
		if st := s.Stats().Endpoints[0]; st.Sent != 1 || droppedOf(st) != 1 || st.Down {
			t.Errorf("%+v", st)
		}
	})
}

// An anonymous socket can have an event made that an endpoint refuses for what
// it says. That holds up the events of public channels, and none that took a
// signature, in the same request or in later ones.
func TestDeliver_AnonymousEventIsRefused_SignedOnesGoOn(t *testing.T) {
	for name, interval := range map[string]time.Duration{"one by one": 0, "batched": time.Second} {
		t.Run(name, func(t *testing.T) {
			o := &outside{}
			o.answer = func(n int, _ *http.Request) (int, error) {
				if strings.Contains(o.seen()[n-1].body, "poison") {
					return 422, nil
				}
				return 200, nil
			}
			cfg := Config{Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test/", BatchInterval: interval}}}}
			during(t, cfg, o, func(t *testing.T, s *Sender) {
				s.Observe(numbered(0))
				s.Observe(occupied("poison"))
				s.Observe(numbered(1))
				s.Observe(occupied("other"))
				pass(10 * time.Second)
				for i := range 5 {
					s.Observe(numbered(2 + i))
					pass(10 * time.Second)
				}
				var got []string
				for _, r := range o.seen() {
					if !strings.Contains(r.body, "poison") {
						got = append(got, eventsOf(r.body))
					}
				}
				if diff := cmp.Diff(body(0, 1, 2, 3, 4, 5, 6), strings.Join(got, ",")); diff != "" {
					t.Errorf("accepted within a minute (-want +got)\n%s", diff)
				}
				pass(10 * time.Minute)
				want := map[Drop]bool{{"unsigned", "refused", 1}: interval == 0, {"unsigned", "refused", 2}: interval > 0}
				for _, d := range s.Stats().Endpoints[0].Dropped {
					if d.Events > 0 && !want[d] {
						t.Errorf("dropped %+v", d)
					}
				}
				if n := s.undelivered(); n != 0 {
					t.Errorf("%d events wait", n)
				}
			})
		})
	}
}

// Edge case 171.
func TestDeliver_EndpointDown_TheOthersAndTheQueueGoOn(t *testing.T) {
	o := &outside{answer: func(_ int, r *http.Request) (int, error) {
		if r.URL.Host == "dead.test" {
			return 0, errReset
		}
		return 200, nil
	}}
	cfg := Config{QueueEvents: 10, Endpoints: map[string][]Endpoint{"a": {{URL: "http://dead.test"}, {URL: "http://good.test"}}}}
	during(t, cfg, o, func(t *testing.T, s *Sender) {
		for i := range 100 {
			s.Observe(numbered(i))
			pass(0)
		}
		dead, good := s.Stats().Endpoints[0], s.Stats().Endpoints[1]
		if good.Sent != 100 || droppedOf(good) != 0 {
			t.Errorf("the good endpoint: %+v", good)
		}
		if dead.Queued != 11 || droppedOf(dead) != 89 { // one is on its way
			t.Errorf("the dead endpoint: %+v", dead)
		}
		pass(30 * time.Minute)
		o.mu.Lock()
		o.answer = nil
		o.mu.Unlock()
		pass(time.Hour)
		if got := o.bodies(); !strings.Contains(got[len(got)-1], `"data":"99"`) {
			t.Errorf("the last request is %s, want event 99", got[len(got)-1])
		}
		if st := s.Stats().Endpoints[0]; st.Queued != 0 || st.Down || st.Sent+droppedOf(st) != 100 {
			t.Errorf("the endpoint that is back: %+v", st)
		}
	})
}

func TestQueue_BoundedInBytes(t *testing.T) {
	o := &outside{answer: failing}
	during(t, Config{QueueBytes: 2000}, o, func(t *testing.T, s *Sender) {
		s.Observe(clientEvent("private-x", "client-e", `"`+strings.Repeat("x", 2000)+`"`))
		for range 100 {
			s.Observe(clientEvent("private-x", "client-e", `"`+strings.Repeat("x", 100)+`"`))
		}
		e := s.listed[0]
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.queue.bytes > 2000 || e.queue.len() == 0 {
			t.Errorf("%d bytes of %d events are queued", e.queue.bytes, e.queue.len())
		}
	})
}

func TestBatch_GathersForTheInterval(t *testing.T) {
	o := &outside{}
	cfg := Config{Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test/", BatchInterval: time.Second}}}}
	during(t, cfg, o, func(t *testing.T, s *Sender) {
		pass(10 * time.Second)
		s.Observe(occupied("x"))
		pass(900 * time.Millisecond)
		s.Observe(added("x", "7"))
		if n := len(o.seen()); n != 0 {
			t.Fatalf("%d requests within the interval", n)
		}
		pass(100 * time.Millisecond)
		want := []string{`{"name":"channel_occupied","channel":"x"},{"name":"member_added","channel":"x","user_id":"7"}`}
		if diff := cmp.Diff(want, o.bodies()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if want := fmt.Sprintf(`{"time_ms":%d,`, time.Now().UnixMilli()); !strings.HasPrefix(o.seen()[0].body, want) {
			t.Errorf("%s does not begin with %s", o.seen()[0].body, want)
		}
	})
}

func TestBatch_AtMost100Events_SentAsSoonAsFull(t *testing.T) {
	o := &outside{}
	cfg := Config{Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test/", BatchInterval: time.Minute}}}}
	during(t, cfg, o, func(t *testing.T, s *Sender) {
		for i := range 250 {
			s.Observe(numbered(i))
		}
		pass(0)
		if n := len(o.seen()); n != 2 {
			t.Fatalf("%d requests at once, want 2 full ones", n)
		}
		pass(time.Minute)
		var sizes []int
		for _, r := range o.seen() {
			sizes = append(sizes, strings.Count(r.body, `"name"`))
		}
		if diff := cmp.Diff([]int{100, 100, 50}, sizes); diff != "" {
			t.Errorf("events in each request (-want +got)\n%s", diff)
		}
	})
}

func TestBatch_AtMost256KB_UnlessOneIsLarger(t *testing.T) {
	o := &outside{}
	cfg := Config{Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test/", BatchInterval: time.Second}}}}
	during(t, cfg, o, func(t *testing.T, s *Sender) {
		for _, size := range []int{100_000, 100_000, 100_000, 400_000, 10} {
			s.Observe(clientEvent("private-x", "client-e", `"`+strings.Repeat("x", size)+`"`))
		}
		pass(time.Minute)
		var sizes []int
		for _, r := range o.seen() {
			sizes = append(sizes, strings.Count(r.body, `"name"`))
		}
		if diff := cmp.Diff([]int{2, 1, 1, 1}, sizes); diff != "" {
			t.Errorf("events in each request (-want +got)\n%s", diff)
		}
	})
}

// Edge case 168: what an endpoint filters is not in its requests, and each is
// signed as it is sent (client_test.go checks signatures of whole requests).
func TestFilter_EachEndpointHasItsOwn(t *testing.T) {
	o := &outside{}
	got := map[string][]string{}
	o.answer = func(n int, r *http.Request) (int, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		got[r.URL.Host] = append(got[r.URL.Host], short([]string{eventsOf(o.requests[n-1].body)})...)
		return 200, nil
	}
	endpoints := []Endpoint{
		{URL: "http://all.test"},
		{URL: "http://kind.test", Events: []string{"member_added", "cache_miss"}},
		{URL: "http://prefix.test", ChannelPrefix: "presence-"},
		{URL: "http://suffix.test", ChannelSuffix: "-eu"},
		{URL: "http://pattern.test", ChannelPattern: "^presence-[0-9]+-"},
		{URL: "http://exclude.test", ExcludePrefixes: []string{"private-encrypted-", "presence-2"}},
		{URL: "http://both.test", ChannelPrefix: "presence-", ChannelSuffix: "-eu", Events: []string{"channel_occupied"}},
	}
	during(t, Config{Endpoints: map[string][]Endpoint{"a": endpoints}}, o, func(t *testing.T, s *Sender) {
		for _, n := range []channels.Notice{
			occupied("presence-1-eu"), added("presence-1-eu", "7"), occupied("presence-2"), occupied("private-encrypted-x"),
			notice(channels.CacheMiss, "cache-eu", ""), occupied("#server-to-user-7"),
		} {
			s.Observe(n)
			pass(0)
		}
		want := map[string][]string{
			"all.test":     {"occupied presence-1-eu", "added presence-1-eu 7", "occupied presence-2", "occupied private-encrypted-x", "cache_miss cache-eu"},
			"kind.test":    {"added presence-1-eu 7", "cache_miss cache-eu"},
			"prefix.test":  {"occupied presence-1-eu", "added presence-1-eu 7", "occupied presence-2"},
			"suffix.test":  {"occupied presence-1-eu", "added presence-1-eu 7", "cache_miss cache-eu"},
			"pattern.test": {"occupied presence-1-eu", "added presence-1-eu 7"},
			"exclude.test": {"occupied presence-1-eu", "added presence-1-eu 7", "cache_miss cache-eu"},
			"both.test":    {"occupied presence-1-eu"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	for name, e := range map[string]Endpoint{
		"event":   {URL: "http://x.test", Events: []string{"channel_ocupied"}},
		"pattern": {URL: "http://x.test", ChannelPattern: "("},
		"scheme":  {URL: "ftp://x.test"},
		"host":    {URL: "http:///hooks"},
	} {
		if _, err := New(Config{Apps: testRegistry(t), Endpoints: map[string][]Endpoint{"a": {e}}}); err == nil {
			t.Errorf("a wrong %s was accepted", name)
		}
	}
	if _, err := New(Config{Apps: testRegistry(t), Endpoints: map[string][]Endpoint{"unknown": {{URL: "http://x.test"}}}}); err == nil {
		t.Error("webhooks of an unknown app were accepted")
	}
}

func TestDrain_WaitsForWhatIsQueued_TriesAtOnce(t *testing.T) {
	broken := true
	o := &outside{}
	o.answer = func(int, *http.Request) (int, error) {
		if broken {
			return 500, nil
		}
		return 200, nil
	}
	cfg := Config{Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test/", BatchInterval: time.Minute}}}}
	during(t, cfg, o, func(t *testing.T, s *Sender) {
		for i := range 150 {
			s.Observe(numbered(i))
		}
		pass(70 * time.Second) // the next attempt would be a minute away
		broken = false
		began := time.Now()
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the drain took %s", took)
		}
		if st := s.Stats().Endpoints[0]; st.Sent != 150 || st.Queued != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestDrain_DeadEndpointWithoutStore_TriesToTheEnd_SaysWhatIsLost(t *testing.T) {
	o := &outside{answer: failing}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		for i := range 3 {
			s.Observe(numbered(i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err := s.Drain(ctx)
		if err == nil || !strings.HasPrefix(err.Error(), "3 webhook events") || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if n := len(o.seen()); n < 5 {
			t.Errorf("%d attempts in 20 s of drain", n)
		}
	})
}

func TestLog_NamesNoSecret(t *testing.T) {
	var log bytes.Buffer
	o := &outside{answer: failing}
	cfg := Config{
		Logger:      slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		QueueEvents: 10,
		Endpoints: map[string][]Endpoint{"a": {{
			URL: "http://user:hunter2@hooks.test/hunter2?token=hunter2", Headers: map[string]string{"Authorization": "hunter2"},
		}}},
	}
	during(t, cfg, o, func(t *testing.T, s *Sender) {
		for i := range 100 {
			s.Observe(numbered(i))
		}
		pass(10 * time.Minute)
	})
	for _, secret := range []string{"hunter2", "7ad3773142a6692b25b8"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %s:\n%s", secret, log.String())
		}
	}
	for _, line := range []string{"is down", "were dropped", "refused for too long"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log does not say %q:\n%s", line, log.String())
		}
	}
}

func TestLog_ALineForEachAttempt(t *testing.T) {
	b := logbook.New(slog.LevelDebug)
	o := &outside{answer: func(n int, _ *http.Request) (int, error) {
		switch n {
		case 1:
			return 503, nil
		case 2:
			return 0, errors.New("connection refused")
		}
		time.Sleep(1500 * time.Millisecond)
		return 204, nil
	}}
	during(t, Config{Logger: b.Logger, Retry: Retry{First: time.Second}}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		pass(time.Minute)
	})
	same := []string{"level=DEBUG", `msg="webhook attempt"`, "app=a", "endpoint=0", "at=http://hooks.test", "events=1"}
	b.Expect(t, append(same, "attempt=1", "took=0s", "status=503", `reason="answered 503"`, "next=1s")...)
	b.Expect(t, append(same, "attempt=2", "took=0s", `reason="connection refused"`, "next=2s")...)
	last := b.Expect(t, append(same, "attempt=3", "took=1.5s", "status=204")...)
	if n := b.Count(`msg="webhook attempt"`); n != 3 || strings.Contains(last, "reason=") || strings.Contains(last, "next=") {
		t.Errorf("%d lines, the last is %s", n, last)
	}
}

func TestLog_CountsEveryEventThatIsDropped(t *testing.T) {
	var log bytes.Buffer
	o := &outside{answer: func(_ int, r *http.Request) (int, error) { <-r.Context().Done(); return 0, r.Context().Err() }}
	cfg := Config{QueueEvents: 10, Timeout: time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	synctest.Test(t, func(t *testing.T) {
		o.began = time.Now()
		s := newTest(t, cfg, o)
		stop := run(t, s)
		for range 3 { // in one minute, which is one line
			for i := range 20 {
				s.Observe(numbered(i))
			}
			pass(2 * time.Second)
		}
		stop()
		logged := 0
		for line := range strings.Lines(log.String()) {
			if _, count, found := strings.Cut(line, "the queue is full"); found {
				var n int
				_, tail, _ := strings.Cut(count, "events=")
				if _, err := fmt.Sscan(tail, &n); err != nil {
					t.Fatal(err)
				}
				logged += n
			}
		}
		if dropped := droppedOf(s.Stats().Endpoints[0]); uint64(logged) != dropped || dropped == 0 {
			t.Errorf("%d events were dropped, the log counts %d:\n%s", dropped, logged, log.String())
		}
	})
}

// A key that is replaced while the server runs signs from the next attempt on.
func TestDeliver_KeyReplaced_SignsWithTheNewOne(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		app := testApp("a")
		app.Keys = app.Keys[1:]
		if err := s.cfg.Apps.Replace([]apps.App{app}); err != nil {
			t.Fatal(err)
		}
		s.Observe(occupied("x"))
		pass(0)
		r := o.seen()[0]
		if got := r.header.Get("X-Pusher-Key"); got != "a-newer" {
			t.Errorf("signed with the key %s", got)
		}
		if want := pusherproto.SignWebhook("newer-secret", []byte(r.body)); r.header.Get("X-Pusher-Signature") != want {
			t.Errorf("the signature is not of the new secret")
		}
	})
}

// Sockets of an app that is taken out of the configuration are closed, and
// that they left is told like any other leaving.
func TestDeliver_AppGone_ItsLastEventsAreDelivered(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		if err := s.cfg.Apps.Replace([]apps.App{testApp("b")}); err != nil {
			t.Fatal(err)
		}
		s.Observe(vacated("x"))
		pass(time.Minute)
		expect(t, o, "occupied x", "vacated x")
		if got := o.seen()[1].header.Get("X-Pusher-Key"); got != "a-key" {
			t.Errorf("signed with the key %s", got)
		}
	})
}
