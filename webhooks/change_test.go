package webhooks

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"

	"fanfare/internal/testkit/deadline"
)

// change makes s take endpoints over for app a.
func change(t *testing.T, s *Sender, c Change, list ...Endpoint) {
	t.Helper()
	c.Endpoints = map[string][]Endpoint{"a": list}
	apply, err := s.Prepare(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := apply(); err != nil {
		t.Fatal(err)
	}
}

// byHost keeps the requests to each host, in order.
type byHost struct {
	outside
	refuse atomic.Bool
}

func newByHost() *byHost {
	o := &byHost{}
	o.answer = func(int, *http.Request) (int, error) {
		if o.refuse.Load() {
			return 0, errReset
		}
		return 200, nil
	}
	return o
}

// to are the bodies that a host was sent, in order.
func (o *byHost) to(host string) []string {
	var out []string
	for _, r := range o.seen() {
		if r.host == host {
			out = append(out, eventsOf(r.body))
		}
	}
	return out
}

func body(events ...int) string {
	var all []string
	for _, i := range events {
		n := numbered(i)
		all = append(all, string(appendEvent(nil, &n)))
	}
	return strings.Join(all, ",")
}

func inBubble(t *testing.T, cfg Config, o http.RoundTripper, test func(t *testing.T, s *Sender)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newTest(t, cfg, o)
		run(t, s)
		test(t, s)
	})
}

func TestChange_AddedEndpointIsToldFromThenOn_RemovedOneGetsWhatIsQueued(t *testing.T) {
	o := newByHost()
	o.refuse.Store(true)
	inBubble(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(numbered(0))
		s.Observe(numbered(1))
		pass(time.Second / 2)
		change(t, s, Change{}, Endpoint{URL: "http://new.test/"})
		s.Observe(numbered(2))
		pass(time.Second / 2)
		o.refuse.Store(false)
		pass(3 * time.Minute)
		old, added := o.to("hooks.test"), o.to("new.test")
		if got := slices.Compact(old); !slices.Equal(got, []string{body(0), body(1)}) {
			t.Errorf("the removed endpoint got %s", got)
		}
		if got := slices.Compact(added); !slices.Equal(got, []string{body(2)}) {
			t.Errorf("the added endpoint got %s", got)
		}
		if n := len(s.endpoints); n != 1 {
			t.Errorf("%d endpoints are left, want the one that is configured", n)
		}
		stats := s.Stats().Endpoints
		if len(stats) != 1 || stats[0].Sent != 1 {
			t.Errorf("stats %+v", stats)
		}
	})
}

// Nothing is lost and nothing comes twice or out of order, whatever is changed
// while events come.
func TestChange_AgainAndAgain_KeepsEveryEventInOrder(t *testing.T) {
	for _, store := range []bool{false, true} {
		noLeaks(t)
		o := newByHost()
		cfg := Config{SyncInterval: time.Millisecond}
		if store {
			cfg.Store = storeFile(t)
		}
		s := newTest(t, cfg, o)
		stop := run(t, s)
		for i := range 300 {
			s.Observe(numbered(i))
			next := []Endpoint{{URL: "http://hooks.test/", Headers: map[string]string{"X-Own": fmt.Sprint(i)}}}
			switch i % 3 {
			case 0:
				next = append([]Endpoint{{URL: fmt.Sprintf("http://other%d.test/", i), ChannelPrefix: "presence-"}}, next...)
			case 1:
				next[0].BatchInterval = 10 * time.Millisecond
			}
			change(t, s, Change{Timeout: deadline.Long + time.Duration(i%2)*time.Second, QueueEvents: 1000 + i%5}, next...)
		}
		eventually(t, "all is sent", func() bool { return s.undelivered() == 0 })
		stop()
		var want []string
		for i := range 300 {
			want = append(want, body(i))
		}
		if diff := cmp.Diff(strings.Join(want, ","), strings.Join(o.to("hooks.test"), ",")); diff != "" {
			t.Errorf("store %v (-want +got)\n%s", store, diff)
		}
		all := o.seen()
		if got := all[len(all)-1].header.Get("X-Own"); got != "298" && got != "299" {
			t.Errorf("the last request has the headers of change %s", got)
		}
	}
}

// An endpoint that left and comes back continues: with a store, the numbers of
// its events must not begin anew while earlier ones are being removed.
func TestChange_EndpointThatComesBack_IsTheSame(t *testing.T) {
	noLeaks(t)
	o := newByHost()
	s := newTest(t, Config{Store: storeFile(t), SyncInterval: time.Millisecond}, o)
	stop := run(t, s)
	for i := range 50 {
		s.Observe(numbered(i))
		change(t, s, Change{})
		eventually(t, "it has left", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.endpoints) == 0 })
		s.Observe(numbered(1000)) // told to nobody
		change(t, s, Change{}, Endpoint{URL: "http://hooks.test/"})
	}
	eventually(t, "all is sent", func() bool { return s.undelivered() == 0 })
	saved(t, s)
	stop()
	if got := len(o.to("hooks.test")); got != 50 {
		t.Errorf("%d events arrived, want 50", got)
	}
}

func TestChange_Refused_ChangesNothing(t *testing.T) {
	o := newByHost()
	inBubble(t, Config{}, o, func(t *testing.T, s *Sender) {
		for _, bad := range []Endpoint{{URL: "ftp://x"}, {URL: "http://x", Events: []string{"none"}}, {URL: "http://x", ChannelPattern: "("}} {
			if _, err := s.Prepare(Change{Endpoints: map[string][]Endpoint{"a": {{URL: "http://new.test/"}, bad}}}); err == nil || !strings.Contains(err.Error(), `webhook 1 of app "a"`) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		s.Observe(numbered(0))
		pass(time.Second)
		if got := o.to("hooks.test"); len(got) != 1 {
			t.Errorf("got %s", got)
		}
	})
}

// Events wait in the store for an endpoint that is configured while it runs, as
// they do for one that is there at the next start.
func TestChange_EndpointWithEventsInTheStore_GetsThemFirst(t *testing.T) {
	noLeaks(t)
	file := storeFile(t)
	s := newTest(t, Config{Store: file}, nil)
	for i := range 10 {
		s.Observe(numbered(i))
	}
	saving, end := context.WithCancel(t.Context())
	end()
	if err := s.journal.run(saving); err != nil {
		t.Fatal(err)
	}
	o := newByHost()
	s = newTest(t, Config{Store: file, Endpoints: map[string][]Endpoint{"b": {{URL: "http://b.test/"}}}}, o)
	stop := run(t, s)
	change(t, s, Change{}, Endpoint{URL: "http://hooks.test/"})
	s.Observe(numbered(10))
	eventually(t, "all is sent", func() bool { return len(o.to("hooks.test")) == 11 })
	stop()
	if got := o.to("hooks.test"); got[0] != body(0) || got[10] != body(10) {
		t.Errorf("got %s", got)
	}
}

func TestChange_Grace_CountsForRemovalsThatWait(t *testing.T) {
	o := newByHost()
	inBubble(t, Config{Grace: time.Minute}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		s.Observe(vacated("x"))
		pass(10 * time.Second)
		if got := o.to("hooks.test"); len(got) != 1 {
			t.Fatalf("got %s before the grace is over", got)
		}
		change(t, s, Change{Grace: 20 * time.Second}, Endpoint{URL: "http://hooks.test/"})
		pass(9 * time.Second)
		if got := o.to("hooks.test"); len(got) != 1 {
			t.Fatalf("got %s before the new grace is over", got)
		}
		pass(2 * time.Second)
		if got := o.to("hooks.test"); len(got) != 2 || !strings.Contains(got[1], "vacated") {
			t.Fatalf("got %s after the new grace", got)
		}
		s.Observe(occupied("x"))
		s.Observe(vacated("x"))
		change(t, s, Change{Grace: -1}, Endpoint{URL: "http://hooks.test/"})
		pass(time.Millisecond)
		if got := o.to("hooks.test"); len(got) != 4 {
			t.Errorf("got %s without a grace", got)
		}
	})
}

func TestChange_SmallerQueue_KeepsTheNewest(t *testing.T) {
	o := newByHost()
	o.refuse.Store(true)
	inBubble(t, Config{}, o, func(t *testing.T, s *Sender) {
		for i := range 1000 {
			s.Observe(numbered(i))
		}
		pass(time.Second / 2)
		change(t, s, Change{QueueEvents: 100}, Endpoint{URL: "http://hooks.test/"})
		if n := s.undelivered(); n != 101 { // and the one on its way
			t.Errorf("%d events wait", n)
		}
		o.refuse.Store(false)
		pass(time.Minute)
		got := o.to("hooks.test")
		if last := got[len(got)-1]; last != body(999) {
			t.Errorf("the last is %s", last)
		}
	})
}

func TestChange_WhileItDrains_IsNotTakenOver(t *testing.T) {
	o := newByHost()
	inBubble(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(numbered(0))
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		change(t, s, Change{})
		s.Observe(numbered(1)) // a socket that leaves last
		pass(time.Second)
		if got := o.to("hooks.test"); len(got) != 2 {
			t.Errorf("got %s", got)
		}
	})
}

// Apps that come and go with the configuration leave nothing behind: no
// goroutine, no memory, no bucket in the store.
func TestChange_ThousandsOfAppsThatAreGone_TakeNothing(t *testing.T) {
	const n = 3000
	noLeaks(t)
	o := newByHost()
	o.answer = func(int, *http.Request) (int, error) { return 200, nil }
	held := account.New(0)
	s := newTest(t, Config{Account: held, Store: storeFile(t), SyncInterval: time.Millisecond, Logger: slog.New(slog.DiscardHandler)}, &o.outside)
	stop := run(t, s)
	before, goroutines := int64(0), 0
	for i := range n {
		if i%(n/10) == 0 { // what waits at once has its peak before the first look, not after it
			eventually(t, "those before are sent", func() bool { return s.Stats().Unsaved == 0 && s.undelivered() == 0 })
			o.forget()
		}
		if i == n/10 {
			before, goroutines = heapInUse(), runtime.NumGoroutine()
		}
		app := testApp(fmt.Sprint("app-", i))
		if err := s.cfg.Apps.Replace([]apps.App{app}); err != nil {
			t.Fatal(err)
		}
		apply, err := s.Prepare(Change{Endpoints: map[string][]Endpoint{app.ID: {{URL: "http://hooks.test/"}}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := apply(); err != nil {
			t.Fatal(err)
		}
		for _, event := range []channels.Notice{occupied("x"), vacated("x"), added("presence-x", "7"), removed("presence-x", "7")} {
			event.App = &app
			s.Observe(event)
		}
	}
	change(t, s, Change{})
	eventually(t, "all are gone", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.endpoints) == 0 && s.journal.unsaved() == 0
	})
	o.forget()
	eventually(t, "their goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
	if grown := heapInUse() - before; grown > 500_000 {
		t.Errorf("%d apps left %d bytes", n*9/10, grown)
	}
	if held.Count(account.Webhooks) != 0 || held.Bytes() != 0 {
		t.Errorf("%d bytes of %d are held", held.Bytes(), held.Count(account.Webhooks))
	}
	buckets := 0
	err := s.journal.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func([]byte, *bbolt.Bucket) error { buckets++; return nil })
	})
	if buckets > 0 || err != nil {
		t.Errorf("%d buckets are left, %v", buckets, err)
	}
	change(t, s, Change{}, Endpoint{URL: "http://hooks.test/"})
	if len(s.past) > 0 {
		t.Errorf("%d ended endpoints are remembered", len(s.past))
	}
	stop()
}

func TestChange_OfSomeApps_LeavesTheOthersAsTheyAre(t *testing.T) {
	o := newByHost()
	cfg := Config{Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test/"}}, "none": {{URL: "http://c.test/"}}}}
	inBubble(t, cfg, o, func(t *testing.T, s *Sender) {
		some := func(app string, list ...Endpoint) {
			t.Helper()
			apply, err := s.Prepare(Change{Apps: []string{app}, Endpoints: map[string][]Endpoint{app: list}, Grace: time.Hour})
			if err == nil {
				err = apply()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		listed := func() (apps string) {
			for _, e := range s.Stats().Endpoints {
				apps += e.App
			}
			return apps
		}
		some("b", Endpoint{URL: "http://b1.test/"}, Endpoint{URL: "http://b2.test/"})
		if got := listed(); got != "abbnone" {
			t.Errorf("endpoints of %s", got)
		}
		some("none")
		some("b", Endpoint{URL: "http://b2.test/"})
		s.Observe(numbered(0))
		of := numbered(1)
		of.App = &apps.App{ID: "b"}
		s.Observe(of)
		of.App = &apps.App{ID: "none"}
		s.Observe(of)
		pass(time.Minute)
		if got := listed(); got != "ab" || len(s.endpoints) != 2 {
			t.Errorf("endpoints of %s, %d in all", got, len(s.endpoints))
		}
		for host, want := range map[string][]string{"hooks.test": {body(0)}, "b2.test": {body(1)}, "b1.test": nil, "c.test": nil} {
			if got := o.to(host); !slices.Equal(got, want) {
				t.Errorf("%s got %s, want %s", host, got, want)
			}
		}
	})
}
