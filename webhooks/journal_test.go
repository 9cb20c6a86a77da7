package webhooks

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/internal/testkit/deadline"
)

// saved waits until everything is in the file.
func saved(t *testing.T, s *Sender) {
	t.Helper()
	eventually(t, "the store is written", func() bool { return s.Stats().Unsaved == 0 })
}

// crash copies the file as it is on disk at this moment, as if the process had
// died now, and returns the copy's name.
func crash(t *testing.T, file string) string {
	t.Helper()
	in, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "after.db")
	if err := os.WriteFile(copied, in, 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

func storeFile(t *testing.T) string { return filepath.Join(t.TempDir(), "hooks.db") }

func TestStore_AfterACrash_UndeliveredEventsComeFirst_InOrder(t *testing.T) {
	noLeaks(t)
	file := storeFile(t)
	s := newTest(t, Config{Store: file}, &outside{answer: failing})
	stop := run(t, s)
	for i := range 1000 {
		s.Observe(numbered(i))
	}
	saved(t, s)
	copied := crash(t, file)
	stop()

	o := &outside{}
	s = newTest(t, Config{Store: copied}, o)
	s.Observe(occupied("later"))
	stop = run(t, s)
	eventually(t, "all are delivered", func() bool { return s.Stats().Endpoints[0].Sent == 1001 })
	for i, r := range o.seen()[:1000] {
		n := numbered(i)
		if diff := cmp.Diff(string(appendEvent(nil, &n)), eventsOf(r.body)); diff != "" {
			t.Fatalf("request %d (-want +got)\n%s", i, diff)
		}
	}
	if last := o.bodies()[1000]; !strings.Contains(last, "later") {
		t.Errorf("the last request is %s", last)
	}
	saved(t, s)
	stop()

	// What was delivered is not sent again.
	o = &outside{}
	s = newTest(t, Config{Store: copied}, o)
	if st := s.Stats().Endpoints[0]; st.Queued != 0 {
		t.Errorf("%+v", st)
	}
	s.Close()
}

func TestStore_OrderlyEnd_KeepsWhatIsOnItsWay(t *testing.T) {
	noLeaks(t)
	file := storeFile(t)
	hang := &outside{answer: func(_ int, r *http.Request) (int, error) { <-r.Context().Done(); return 0, r.Context().Err() }}
	cfg := Config{Store: file, Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test", BatchInterval: time.Millisecond}}}}
	s := newTest(t, cfg, hang)
	stop := run(t, s)
	for i := range 10 {
		s.Observe(numbered(i))
	}
	eventually(t, "a request is under way", func() bool { return len(hang.seen()) == 1 })
	stop()
	o := &outside{}
	s = newTest(t, cfg, o)
	run(t, s)
	eventually(t, "all ten are delivered", func() bool { return s.Stats().Endpoints[0].Sent == 10 })
}

func TestStore_DeadEndpoint_TheDrainDoesNotWait(t *testing.T) {
	file := storeFile(t)
	o := &outside{answer: failing}
	s := newTest(t, Config{Store: file}, o)
	run(t, s)
	for i := range 3 {
		s.Observe(numbered(i))
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline.Long)
	defer cancel()
	if err := s.Drain(ctx); err != nil || ctx.Err() != nil {
		t.Errorf("Drain: %v, %v", err, ctx.Err())
	}
	if n := len(o.seen()); n == 0 {
		t.Error("the drain did not try")
	}
}

func TestStore_EndpointsMoveInTheList_EventsFindTheirs(t *testing.T) {
	file := storeFile(t)
	first, second := Endpoint{URL: "http://first.test"}, Endpoint{URL: "http://second.test", ChannelPrefix: "private-"}
	twin := second
	cfg := Config{Store: file, Endpoints: map[string][]Endpoint{"a": {first, second, twin}}}
	s := newTest(t, cfg, &outside{answer: failing})
	stop := run(t, s)
	s.Observe(occupied("public"))
	s.Observe(occupied("private-x"))
	stop()

	// The first is gone, its event waits in the file.
	cfg.Endpoints = map[string][]Endpoint{"a": {{URL: "http://new.test"}, second, twin}}
	s = newTest(t, cfg, &outside{answer: failing})
	var queued []int
	for _, e := range s.Stats().Endpoints {
		queued = append(queued, e.Queued)
	}
	if diff := cmp.Diff([]int{0, 1, 1}, queued); diff != "" {
		t.Errorf("events of each endpoint (-want +got)\n%s", diff)
	}
	s.Close()
	cfg.Endpoints = map[string][]Endpoint{"a": {first}}
	s = newTest(t, cfg, nil)
	if st := s.Stats().Endpoints[0]; st.Queued != 2 {
		t.Errorf("the first endpoint, back again: %+v", st)
	}
	s.Close()
}

func TestStore_SmallerQueueThanBefore_TheOldestGiveWay(t *testing.T) {
	file := storeFile(t)
	s := newTest(t, Config{Store: file}, nil)
	for i := range 100 {
		s.Observe(numbered(i))
	}
	saving, stop := context.WithCancel(t.Context())
	stop()
	if err := s.journal.run(saving); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and they are gone from the file too
		s = newTest(t, Config{Store: file, QueueEvents: 10}, nil)
		e := s.listed[0]
		first := e.queue.first().record()
		if n := numbered(90); e.queue.len() != 10 || string(first.append(nil)) != string(appendEvent(nil, &n)) {
			t.Errorf("%d events wait, the first is %s", e.queue.len(), first.append(nil))
		}
		if err := s.journal.run(saving); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStore_FewerBytesThanBefore_LargeEventsAfterSmallOnes(t *testing.T) {
	file := storeFile(t)
	s := newTest(t, Config{Store: file}, nil)
	for i := range 100 {
		s.Observe(numbered(i))
	}
	for range 10 {
		s.Observe(clientEvent("private-x", "client-e", `"`+strings.Repeat("x", 2000)+`"`))
	}
	saving, stop := context.WithCancel(t.Context())
	stop()
	if err := s.journal.run(saving); err != nil {
		t.Fatal(err)
	}
	s = newTest(t, Config{Store: file, QueueBytes: 10_000}, nil)
	defer s.Close()
	if q := &s.listed[0].queue; q.bytes > 10_000 || q.len() != 4 {
		t.Errorf("%d bytes of %d events are queued, the bound is 10,000", q.bytes, q.len())
	}
}

// Deliveries that keep up cost the disk next to nothing.
func TestStore_DeliveredBeforeItsTurn_IsNeverWritten(t *testing.T) {
	file := storeFile(t)
	o := &outside{}
	s := newTest(t, Config{Store: file, SyncInterval: time.Hour}, o)
	stop := run(t, s)
	for i := range 1000 {
		s.Observe(numbered(i))
	}
	eventually(t, "all are delivered", func() bool { return s.Stats().Endpoints[0].Queued == 0 })
	eventually(t, "nothing is left to write", func() bool { return s.Stats().Unsaved == 0 })
	stop()
}

func TestStore_GroupsWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTest(t, Config{Store: storeFile(t)}, &outside{answer: failing})
		run(t, s)
		writes := func() int64 {
			st := s.journal.db.Stats()
			return st.TxStats.GetWrite()
		}
		before := writes()
		for i := range 500 {
			s.Observe(numbered(i))
		}
		pass(DefaultSyncInterval - time.Millisecond)
		if n := writes() - before; n != 0 {
			t.Errorf("%d pages written before the interval is over", n)
		}
		pass(time.Millisecond)
		if n := s.Stats().Unsaved; n != 0 {
			t.Errorf("%d changes are unsaved after it", n)
		}
		if n := writes() - before; n == 0 || n > 100 {
			t.Errorf("500 events took %d writes", n)
		}
	})
}

func TestStore_IsForItsOwnerOnly(t *testing.T) {
	file := storeFile(t)
	s := newTest(t, Config{Store: file}, nil)
	s.Close()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the store has mode %v; it holds what clients say to each other", info.Mode())
	}
}
