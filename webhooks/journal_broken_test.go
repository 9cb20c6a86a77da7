package webhooks

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

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
	var log bytes.Buffer
	s := newTest(t, Config{Store: file, Logger: slog.New(slog.NewTextHandler(&log, nil))}, o)
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
	if !strings.Contains(log.String(), "could not be saved") || strings.Contains(log.String(), "stay in the store") {
		t.Errorf("the log tells otherwise:\n%s", log.String())
	}
}

// A disk that is full for days must not gather what was delivered meanwhile.
func TestStore_CannotBeWritten_KeepsOnlyWhatIsUndelivered(t *testing.T) {
	j := &journal{wake: make(chan struct{}, 1), changes: make(map[slot]entry), broken: errors.New("disk full")}
	numbered := func(seq uint64) record { return record{"x", fact{count: int32(seq)}} }
	j.remove("b", 1) // an event of an earlier run
	keep := func(seq uint64) { j.put("b", seq, numbered(seq)) }
	keep(2)
	keep(3)

	during := j.changes
	j.changes = make(map[slot]entry)
	j.remove("b", 2) // while the rest is being written
	keep(4)
	j.keep(during)
	if err := j.write(); err == nil {
		t.Fatal("it was written")
	}
	want := map[slot]entry{{"b", 1}: {emptied: true}, {"b", 3}: {record: numbered(3)}, {"b", 4}: {record: numbered(4)}}
	if diff := cmp.Diff(want, j.changes, cmp.AllowUnexported(entry{}, record{}, fact{}, slot{})); diff != "" {
		t.Errorf("changes to be written (-want +got)\n%s", diff)
	}
}

func TestStore_WhatCannotBeOpened(t *testing.T) {
	notAStore := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(notAStore, []byte(strings.Repeat("not a store ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, why := range map[string]string{
		notAStore:   "move it away",
		t.TempDir(): "name a file in it",
		filepath.Join(t.TempDir(), "missing", "hooks.db"): "no such file or directory",
		filepath.Join(notAStore, "hooks.db"):              "not a directory",
		"/proc/hooks.db":                                  "", // nobody may write there
	} {
		_, err := New(Config{Apps: testRegistry(t), Store: file})
		if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: error %v, want %q", file, err, why)
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
		if err == nil || !strings.Contains(err.Error(), "another process has the file open") {
			t.Errorf("error %v", err)
		}
	})
}
