package appstore

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/config"
	"fanfare/internal/testkit/deadline"
)

// logbook keeps what is logged.
type logbook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logbook) count(words string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

func newMirror(s *Store) *Mirror { return loggedMirror(s, &logbook{}) }

func loggedMirror(s *Store, log *logbook) *Mirror {
	return NewMirror(MirrorConfig{Store: s, Poll: 10 * time.Millisecond, Migrate: true, Logger: slog.New(slog.NewTextHandler(log, nil))})
}

func ids(list []config.App) (ids []string) {
	for _, a := range list {
		ids = append(ids, a.ID)
	}
	return ids
}

func TestMirror_FollowsWhatOthersChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	s := open(t, file)
	mustCreate(t, s, app("1"))
	m := newMirror(open(t, file))
	if err := m.Load(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	taken := make(chan []config.App, 100)
	var running sync.WaitGroup
	running.Go(func() { m.Run(ctx, func(u Update) error { taken <- u.Apps; return nil }) })
	defer running.Wait()
	defer stop()
	expect := func(want ...string) {
		t.Helper()
		late := time.After(deadline.Long)
		for {
			select {
			case list := <-taken:
				if slices.Equal(ids(list), want) {
					return
				}
			case <-late:
				t.Fatalf("the mirror never had %v", want)
			}
		}
	}
	mustCreate(t, s, app("2"))
	expect("1", "2")
	if err := s.Delete(t.Context(), "1", 0); err != nil {
		t.Fatal(err)
	}
	expect("2")
	mustCreate(t, s, app("1"))
	expect("1", "2")
}

// What is told is what differs, and again until it is taken over.
func TestMirror_TellsWhatHasChanged(t *testing.T) {
	s := newStore(t)
	for _, id := range []string{"b", "d", "f"} {
		mustCreate(t, s, app(id))
	}
	m := newMirror(s)
	if err := m.Load(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	look := func(want ...string) Update {
		t.Helper()
		if _, err := m.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		u := m.update()
		if !slices.Equal(u.Changed, want) {
			t.Errorf("changed: %v, want %v", u.Changed, want)
		}
		return u
	}
	look()
	before := m.Apps()
	mustCreate(t, s, app("c"))
	if _, err := s.SetEnabled(t.Context(), "d", false); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "f", 0); err != nil {
		t.Fatal(err)
	}
	look("c", "d", "f")
	mustCreate(t, s, app("a"))
	u := look("a", "c", "d", "f")
	if got := ids(u.Apps); !slices.Equal(got, []string{"a", "b", "c", "d"}) || u.Apps[3].Enabled {
		t.Errorf("%v", u.Apps)
	}
	if !slices.Equal(ids(before), []string{"b", "d", "f"}) || !before[1].Enabled {
		t.Errorf("the list of before is changed: %v", before)
	}
	m.taken(u)
	look()
	// All apps are read after an outage, and none of them differs.
	m.status.Up = false
	look()
	if _, err := s.db.ExecContext(t.Context(), "DELETE FROM fanfare_apps WHERE id = 'b'"); err != nil {
		t.Fatal(err)
	}
	m.status.Up = false
	look("b")
}

func TestMirror_Run_GivesAgainWhatWasRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	s := open(t, file)
	log := &logbook{}
	m := loggedMirror(open(t, file), log)
	if err := m.Load(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), deadline.Long)
	defer stop()
	given := 0
	mustCreate(t, s, app("1"))
	m.Run(ctx, func(u Update) error {
		if !slices.Equal(u.Changed, []string{"1"}) {
			t.Errorf("changed: %v", u.Changed)
		}
		if given++; given < 3 {
			return errors.New("not now")
		}
		stop()
		return nil
	})
	if given != 3 || log.count("cannot be applied") != 1 {
		t.Errorf("given %d times, %q", given, log.lines)
	}
}

func TestMirror_AnAppThatCannotBeUsedStaysAsItWas(t *testing.T) {
	s := newStore(t)
	good := app("good")
	good.Limits.MaxConnections = 3
	mustCreate(t, s, good)
	log := &logbook{}
	m := loggedMirror(s, log)
	if err := m.Load(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"UPDATE fanfare_app_sequence SET value = value + 1",
		`UPDATE fanfare_apps SET options = '{"limits":{"max_connections":"many"}}', changed = (SELECT value FROM fanfare_app_sequence) WHERE id = 'good'`,
	} {
		if _, err := s.db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	mustCreate(t, s, app("other"))
	for range 3 {
		if _, err := m.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	list := m.Apps()
	if !slices.Equal(ids(list), []string{"good", "other"}) || list[0].Limits.MaxConnections != 3 {
		t.Errorf("%+v", list)
	}
	if st := m.Status(); st.Unreadable != 1 || log.count("limits.max_connections") != 1 {
		t.Errorf("%+v, %q", st, log.lines)
	}
	m = newMirror(s) // a start has nothing to go on with
	if err := m.Load(t.Context(), 0); err != nil || !slices.Equal(ids(m.Apps()), []string{"other"}) {
		t.Errorf("%v, %v", ids(m.Apps()), err)
	}
	if err := s.Delete(t.Context(), "good", 0); err != nil {
		t.Errorf("it cannot be deleted: %v", err)
	}
	if _, err := m.Look(t.Context()); err != nil || m.Status().Unreadable != 0 {
		t.Errorf("%+v, %v", m.Status(), err)
	}
}

func TestMirror_WhileTheDatabaseIsAway_ItGoesOnAndSaysSoOnce(t *testing.T) {
	s := newStore(t)
	mustCreate(t, s, app("1"))
	log := &logbook{}
	m := loggedMirror(s, log)
	if err := m.Load(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	rename := func(from, to string) {
		t.Helper()
		if _, err := s.db.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("fanfare_app_sequence", "away")
	for range 3 {
		if _, err := m.Look(t.Context()); err == nil {
			t.Fatal("it is there")
		}
	}
	if st := m.Status(); st.Up || st.Apps != 1 || log.count("cannot be reached") != 1 {
		t.Errorf("%+v, %q", st, log.lines)
	}
	// What comes back may have lost its last changes, whose numbers are given again.
	rename("away", "fanfare_app_sequence")
	for _, q := range []string{"DELETE FROM fanfare_app_keys", "DELETE FROM fanfare_apps", "UPDATE fanfare_app_sequence SET value = 0"} {
		if _, err := s.db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	mustCreate(t, s, app("2"))
	if changed, err := m.Look(t.Context()); !changed || err != nil || !slices.Equal(ids(m.Apps()), []string{"2"}) {
		t.Errorf("%v, %v, %v", changed, err, ids(m.Apps()))
	}
	if st := m.Status(); !st.Up || log.count("reached again") != 1 {
		t.Errorf("%+v, %q", st, log.lines)
	}
}

// A copy that is put in the place of the file has other apps with greater numbers.
func TestMirror_SQLite_AnotherFileIsNoticed(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "apps.db"), filepath.Join(dir, "copy.db")
	mustCreate(t, open(t, file), app("1"))
	restored := open(t, other)
	for _, id := range []string{"2", "3", "4"} {
		mustCreate(t, restored, app(id))
	}
	if err := restored.Close(); err != nil {
		t.Fatal(err)
	}
	log := &logbook{}
	m := loggedMirror(open(t, file), log)
	if err := m.Load(t.Context(), 0); err != nil || !slices.Equal(ids(m.Apps()), []string{"1"}) {
		t.Fatal(ids(m.Apps()), err)
	}
	for _, old := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Rename(old, old+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if _, err := m.Look(t.Context()); err == nil || m.Status().Up || log.count("cannot be reached") != 1 {
		t.Errorf("without the file: %v, %+v", err, m.Status())
	}
	if err := os.Rename(other, file); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Look(t.Context()); err != nil || !slices.Equal(ids(m.Apps()), []string{"2", "3", "4"}) {
		t.Errorf("of the copy: %v, %v", ids(m.Apps()), err)
	}
}

func TestMirror_AStartWaitsNoLongerThanItMay(t *testing.T) {
	server := config.Defaults()
	s, err := Open(Config{Kind: "postgres", DSN: "postgres://nobody@127.0.0.1:1/none", Server: &server})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	log := &logbook{}
	if err := loggedMirror(s, log).Load(t.Context(), time.Second); err == nil || log.count("the start waits") != 1 {
		t.Errorf("%v, %q", err, log.lines)
	}
}

// A database that takes connections and says nothing, as one that is stopped, keeps
// a start no longer than it may.
func TestMirror_ADatabaseThatHangs_IsAway(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	server := config.Defaults()
	for kind, dsn := range map[string]string{
		"mysql":    "fanfare@tcp(" + silent.Addr().String() + ")/fanfare?timeout=50ms",
		"postgres": "postgres://fanfare@" + silent.Addr().String() + "/fanfare?connect_timeout=1",
	} {
		s, err := Open(Config{Kind: kind, DSN: dsn, Server: &server})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), deadline.Long)
		if err := newMirror(s).Load(ctx, 0); err == nil || ctx.Err() != nil {
			t.Errorf("%s: %v", kind, err)
		}
		stop()
		_ = s.Close()
	}
}
