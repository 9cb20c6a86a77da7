package webhooks

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/internal/account"
)

func unreachable(int, *http.Request) (int, error) { return 0, errReset }

func dropsOf(s *Sender) map[string]uint64 {
	out := map[string]uint64{}
	for _, d := range s.Stats().Endpoints[0].Dropped {
		if d.Events > 0 {
			out[d.Class+" "+d.Reason] = d.Events
		}
	}
	return out
}

func TestQueue_MemoryIsShort_UnsignedTakesNoMore_SignedGoesOn(t *testing.T) {
	held := account.New(1_000_000)
	o := &outside{answer: unreachable}
	during(t, Config{Account: held, Grace: -1}, o, func(t *testing.T, s *Sender) {
		for i := range 10 {
			s.Observe(occupied(fmt.Sprint("x", i)))
		}
		pass(0) // one is on its way
		held.Hold(account.Cache, 2_000_000)
		before := held.BytesOf(account.Webhooks)
		for i := range 1000 {
			s.Observe(occupied(fmt.Sprint("y", i%10)))
			s.Observe(vacated(fmt.Sprint("y", i%10)))
		}
		if n := held.BytesOf(account.Webhooks); n > before {
			t.Errorf("unsigned events take %d bytes after %d when memory is short", n, before)
		}
		if got := dropsOf(s); got["unsigned memory"] == 0 || len(got) != 1 {
			t.Errorf("dropped %v", got)
		}
		for i := range 100 {
			s.Observe(numbered(i))
		}
		e := s.listed[0]
		if n := e.queue.classes[signed].n; n != 100 {
			t.Errorf("%d signed events wait, want 100", n)
		}
		held.Release(account.Cache, 2_000_000)
		s.Observe(occupied("z"))
		if n := e.queue.classes[unsigned].n; n != 1 {
			t.Errorf("%d unsigned events wait when there is memory again, want the one that came", n)
		}
	})
}

// The picture of the back end stays right: whoever comes and goes while memory
// is short is left out as a whole.
func TestQueue_MemoryIsShort_AVisitIsLeftOutAsAWhole(t *testing.T) {
	held := account.New(1_000_000)
	o := &outside{answer: failing}
	during(t, Config{Account: held, Grace: -1}, o, func(t *testing.T, s *Sender) {
		s.Observe(numbered(0))
		pass(0)
		s.Observe(occupied("stays"))
		s.Observe(occupied("x"))
		held.Hold(account.Cache, 2_000_000)
		s.Observe(vacated("x"))
		var left []string
		for e := s.listed[0].queue.classes[unsigned].first; e != nil; e = e.next {
			left = append(left, told(e))
		}
		if diff := cmp.Diff([]string{"occupied stays"}, left); diff != "" {
			t.Errorf("unsigned events that wait (-want +got)\n%s", diff)
		}
	})
}

// A reload that shrinks the bounds of a long queue drops what is too much by
// itself, in small parts: a socket's event does not have to.
func TestQueue_BoundsShrink_AnEventDropsNoMoreThanItsOwnRoom(t *testing.T) {
	o := &outside{answer: unreachable}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		for i := range 10_000 {
			s.Observe(occupied(fmt.Sprint("x", i)))
		}
		pass(0)
		e := s.listed[0]
		next := *e.present.Load()
		next.maxEvents, next.maxBytes = 100, 100_000
		e.present.Store(&next) // as take does, before it drops
		before := e.waiting()
		s.Observe(numbered(1))
		if dropped := before + 1 - e.waiting(); dropped > 2 {
			t.Errorf("one event had %d others dropped", dropped)
		}
		e.take(&next)
		if n := e.waiting(); n > 101 {
			t.Errorf("%d events wait after all", n)
		}
		if n := e.queue.classes[signed].n; n != 1 {
			t.Errorf("%d signed events are left, want the one", n)
		}
	})
}

func TestGrace_TooManyPublicChannelsWait_TheyAreToldEarly_SignedOnesAreNot(t *testing.T) {
	o := &outside{answer: failing}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(vacated("private-x"))
		s.Observe(removed("presence-x", "7"))
		n := vacated("x")
		for i := range maxHeld {
			n.Channel = fmt.Sprint("x", i)
			s.Observe(n)
		}
		of := (*s.tenants.Load())["a"]
		of.mu.Lock()
		defer of.mu.Unlock()
		held := &of.held
		if held.len() != maxHeld || held.due().channel != "private-x" || held.oldest(unsigned).channel != "x2" {
			t.Errorf("%d are held, the oldest is %v, of the public ones %v", held.len(), held.due().subject, held.oldest(unsigned).subject)
		}
	})
}

func TestGrace_MemoryIsShort_PublicChannelsAreHeldInPlaceOfOthers(t *testing.T) {
	account0 := account.New(1_000_000)
	o := &outside{}
	during(t, Config{Account: account0}, o, func(t *testing.T, s *Sender) {
		for i := range 3 {
			s.Observe(vacated(fmt.Sprint("x", i)))
		}
		account0.Hold(account.Cache, 2_000_000)
		before := account0.BytesOf(account.Webhooks)
		for i := range 100 {
			s.Observe(vacated(fmt.Sprint("y", i%10)))
			s.Observe(removed("presence-x", fmt.Sprint(i)))
			s.Observe(added("presence-x", fmt.Sprint(i)))
		}
		of := (*s.tenants.Load())["a"]
		of.mu.Lock()
		removals := of.held.len()
		of.mu.Unlock()
		if n := account0.BytesOf(account.Webhooks); n > before || removals != 3 {
			t.Errorf("%d bytes are held after %d, of %d removals", n, before, removals)
		}
		account0.Release(account.Cache, 2_000_000)
		pass(time.Minute)
		if account0.Bytes() != 0 || account0.Count(account.Webhooks) != 0 {
			t.Errorf("%d bytes of %d are left", account0.Bytes(), account0.Count(account.Webhooks))
		}
	})
}

// Restored events are in their classes, in order, and what was dropped is gone
// from the file.
func TestStore_AfterARestart_ClassesAndOrderAreAsBefore(t *testing.T) {
	file := storeFile(t)
	cfg := Config{Store: file, QueueEvents: 20, Grace: -1}
	s := newTest(t, cfg, nil)
	for i := range 10 {
		s.Observe(occupied(fmt.Sprint("x", i)))
		s.Observe(added("presence-x", fmt.Sprint(i)))
		s.Observe(clientEvent("private-x", "client-e", `{"n":[`+fmt.Sprint(i)+`]}`))
		s.Observe(counted("y", i))
		s.Observe(missed("cache-y"))
	}
	waiting := func(s *Sender) []string {
		var events []*event
		for c := range s.listed[0].queue.classes {
			for e := s.listed[0].queue.classes[c].first; e != nil; e = e.next {
				events = append(events, e)
			}
		}
		slices.SortFunc(events, func(a, b *event) int { return int(a.seq) - int(b.seq) })
		return toldAll(events)
	}
	before, dropping := waiting(s), func(s *Sender) (list []string) {
		for q := &s.listed[0].queue; q.len() > 0; {
			list = append(list, strings.Join(toldAll(q.drop(q.loser())), ", "))
		}
		return list
	}
	if len(before) != 20 || dropsOf(s)["signed queue_full"] != 0 {
		t.Fatalf("waiting %v, dropped %v", before, dropsOf(s))
	}
	saving, stop := context.WithCancel(t.Context())
	stop()
	if err := s.journal.run(saving); err != nil {
		t.Fatal(err)
	}
	again := newTest(t, cfg, nil)
	defer again.Close()
	if diff := cmp.Diff(before, waiting(again)); diff != "" {
		t.Errorf("events after the restart (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(dropping(s), dropping(again)); diff != "" {
		t.Errorf("what would be dropped (-want +got)\n%s", diff)
	}
}

// The file has the size of the most that waited once, not of all that came.
func TestStore_StormAfterStorm_TheFileGrowsNoMore(t *testing.T) {
	file := storeFile(t)
	held := account.New(0)
	s := newTest(t, Config{Account: held, Store: file, QueueEvents: 5000, Grace: -1, Logger: slog.New(slog.DiscardHandler)}, nil)
	size := func() int64 {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	storm := func(from int) {
		for i := range 20_000 {
			s.Observe(occupied(fmt.Sprint("channel-", from+i)))
			if i%1000 == 0 {
				if err := s.journal.write(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	storm(0)
	storm(20_000)
	before := size()
	for round := range 20 {
		storm(100_000 * (round + 1))
	}
	if after := size(); after > before {
		t.Errorf("the file grew from %d to %d bytes", before, after)
	}
	t.Logf("5,000 events wait in %d bytes", before)
	if err := s.journal.write(); err != nil {
		t.Fatal(err)
	}
	if n, took := held.BytesOf(account.Webhooks), int64(s.listed[0].queue.bytes); n != took || held.Count(account.Webhooks) != 5000 {
		t.Errorf("%d bytes of %d are entered, the queue takes %d", n, held.Count(account.Webhooks), took)
	}
	s.Close()
}

func TestLog_SaysWhichClassWasDropped(t *testing.T) {
	var log bytes.Buffer
	o := &outside{answer: unreachable}
	during(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), QueueEvents: 10}, o, func(t *testing.T, s *Sender) {
		for i := range 20 {
			s.Observe(occupied(fmt.Sprint("x", i)))
		}
		pass(time.Second)
		for i := range 20 {
			s.Observe(numbered(i))
		}
		pass(2 * time.Minute)
	})
	for _, want := range []string{
		`msg="webhook events were dropped, the queue is full" app=a endpoint=0 at=http://hooks.test class=unsigned events=`,
		`msg="webhook events were dropped, the queue is full" app=a endpoint=0 at=http://hooks.test class=signed events=10`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log.String())
		}
	}
}
