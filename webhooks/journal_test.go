package webhooks

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
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
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
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
		e := s.endpoints[0]
		if n := numbered(90); e.queue.len() != 10 || string(e.queue.at(0).json) != string(appendEvent(nil, &n)) {
			t.Errorf("%d events wait, the first is %s", e.queue.len(), e.queue.at(0).json)
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
	if q := &s.endpoints[0].queue; q.bytes > 10_000 || q.len() != 4 {
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

func TestStore_CannotBeWritten_EventsAreStillDelivered(t *testing.T) {
	file := storeFile(t)
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	o := &outside{}
	s := newTest(t, Config{Store: file}, o)
	// A handle that may only read stands for a full disk.
	if err := s.journal.db.Close(); err != nil {
		t.Fatal(err)
	}
	if s.journal.db, err = bbolt.Open(file, 0o400, &bbolt.Options{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	o.answer = failing
	s.Observe(occupied("x"))
	eventually(t, "the failure is noticed", func() bool { return s.Stats().Unsaved > 0 && s.Stats().Endpoints[0].Failed > 0 })
	cancel()
	if err := <-ended; err == nil {
		t.Error("Run does not tell that events could not be saved")
	}
}

// A disk that is full for days must not gather what was delivered meanwhile.
func TestStore_CannotBeWritten_KeepsOnlyWhatIsUndelivered(t *testing.T) {
	j := &journal{wake: make(chan struct{}, 1), changes: make(map[slot]event), broken: errors.New("disk full")}
	waiting := func(seq uint64) event { return event{seq: seq, json: []byte(`{}`)} }
	j.remove("b", 1) // an event of an earlier run
	j.put("b", waiting(2))
	j.put("b", waiting(3))

	during := j.changes
	j.changes = make(map[slot]event)
	j.remove("b", 2) // while the rest is being written
	j.put("b", waiting(4))
	j.keep(during)
	if err := j.write(); err == nil {
		t.Fatal("it was written")
	}
	want := map[slot]event{{"b", 1}: {}, {"b", 3}: waiting(3), {"b", 4}: waiting(4)}
	if diff := cmp.Diff(want, j.changes, cmp.AllowUnexported(event{}, slot{})); diff != "" {
		t.Errorf("changes to be written (-want +got)\n%s", diff)
	}
}

func TestStore_WhatCannotBeOpened(t *testing.T) {
	notAStore := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(notAStore, []byte(strings.Repeat("not a store ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{notAStore, t.TempDir(), filepath.Join(t.TempDir(), "missing", "hooks.db")} {
		_, err := New(Config{Apps: testRegistry(t), Store: file})
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v", file, err)
		}
	}
}

// full makes a file that holds events on many pages.
func full(t *testing.T) (file string) {
	t.Helper()
	file = storeFile(t)
	s := newTest(t, Config{Store: file}, nil)
	for i := range 3000 {
		s.Observe(numbered(i))
	}
	saving, stop := context.WithCancel(t.Context())
	stop()
	if err := s.journal.run(saving); err != nil {
		t.Fatal(err)
	}
	return file
}

// What a bad disk or a careless copy leaves makes bbolt panic or reach outside
// of the mapped file. The process must live to say so.
func TestStore_Damaged_IsAnError(t *testing.T) {
	whole, err := os.ReadFile(full(t))
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for name, damage := range map[string]func(b []byte) []byte{
		"cut short":           func(b []byte) []byte { return b[:2*page] },
		"cut in half":         func(b []byte) []byte { return b[:len(b)/2] },
		"pages of zeros":      func(b []byte) []byte { clear(b[4*page : len(b)/2]); return b },
		"events of something": func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`{"name`), []byte(`name{"`)) },
	} {
		file := storeFile(t)
		if err := os.WriteFile(file, damage(slices.Clone(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := New(Config{Apps: testRegistry(t), Store: file})
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestStore_DamagedWhileItRuns_EventsAreStillDelivered(t *testing.T) {
	noLeaks(t)
	file := full(t)
	s := newTest(t, Config{Store: file}, &outside{})
	if err := os.Truncate(file, 4096); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	eventually(t, "all are delivered", func() bool { return s.Stats().Endpoints[0].Sent == 3000 })
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Run does not tell that the store is damaged: %v", err)
	}
}

func TestStore_InUse_IsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := storeFile(t)
		s := newTest(t, Config{Store: file}, nil)
		defer s.Close()
		_, err := New(Config{Apps: testRegistry(t), Store: file})
		if err == nil || !strings.Contains(err.Error(), "another process uses the file") {
			t.Errorf("error %v", err)
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
