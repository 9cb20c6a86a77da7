package appstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/config"
	"fanfare/internal/testkit/deadline"
)

// open returns the store in a file with its tables made.
func open(t *testing.T, file string, keys ...[]byte) *Store {
	t.Helper()
	server := config.Defaults()
	s, err := Open(Config{Kind: "sqlite", DSN: file, Keys: keys, Server: &server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func newStore(t *testing.T, keys ...[]byte) *Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "apps ü.db"), keys...)
}

func app(id string) App {
	a := App{App: config.DefaultApp()}
	a.ID, a.Key, a.Secret = id, "key-"+id, "secret-"+id
	return a
}

func mustCreate(t *testing.T, s *Store, a App) *App {
	t.Helper()
	made, err := s.Create(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func mustGet(t *testing.T, s *Store, id string) *App {
	t.Helper()
	got, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestStore_AnAppComesBackAsItWas(t *testing.T) {
	s := newStore(t)
	want := app("1")
	want.Name = "Größe 大 🎺"
	want.Keys = []config.Key{{Key: "new", Secret: "n"}, {Key: "newer", Secret: "nn"}}
	want.Limits.MaxConnections, want.CacheTTL, want.AllowedOrigins = 5, time.Minute, []string{"https://a.example"}
	want.Webhooks = []config.Webhook{{URL: "https://hooks.example/a?token=t", Events: []string{"channel_occupied"}, Headers: map[string]string{"X-Token": "<t>"}, Batch: config.WebhookBatch{Interval: time.Second}}}
	made := mustCreate(t, s, want)
	got := mustGet(t, s, "1")
	want.Version, want.Created, want.Updated = 1, made.Created, made.Updated
	if diff := cmp.Diff(want, *got, cmp.AllowUnexported(App{}), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".changed" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	list, bad, err := s.List(t.Context())
	if err != nil || len(bad) > 0 || len(list) != 1 || list[0].ID != "1" {
		t.Errorf("listed %v, %v, %v", list, bad, err)
	}
}

func TestStore_RefusesWhatIsTakenOrWrong(t *testing.T) {
	s := newStore(t)
	mustCreate(t, s, app("1"))
	other := app("2")
	other.Key = "key-1"
	long := app(strings.Repeat("x", 191))
	wrong := app("3")
	wrong.Limits.MaxEventBytes = 0
	for _, tc := range []struct {
		app  App
		want string
	}{
		{app("1"), "an app with the id"},
		{other, `"key-1" is already a key of app 1`},
		{long, "id: has 191 characters"},
		{wrong, "limits.max_event_bytes: 0 is too small"},
		{app("a b"), `id: "a b" contains ' '`},
		{app(""), "id: is missing"},
	} {
		if _, err := s.Create(t.Context(), tc.app); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("app %q: got %v, want … %s", tc.app.ID, err, tc.want)
		}
	}
	for name, err := range map[string]error{
		"get":     second(s.Get(t.Context(), "none")),
		"update":  second(s.SetEnabled(t.Context(), "none", true)),
		"delete":  s.Delete(t.Context(), "none", 0),
		"add key": second(s.AddKey(t.Context(), "none", config.Key{Key: "a", Secret: "b"})),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s of an app that is not there: %v", name, err)
		}
	}
	if list, _, _ := s.List(t.Context()); len(list) != 1 {
		t.Errorf("%d apps are there after refusals", len(list))
	}
}

func second[T any](_ T, err error) error { return err }

func TestStore_ConcurrentUpdatesOfOneVersion_OneWins(t *testing.T) {
	s := newStore(t)
	mustCreate(t, s, app("1"))
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.Update(t.Context(), "1", 1, func(a *App) error { a.Limits.MaxConnections = i + 1; return nil })
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		var conflict *ConflictError
		switch {
		case err == nil:
			won++
		case !errors.As(err, &conflict) || conflict.Now != 2:
			t.Error(err)
		}
	}
	if won != 1 || mustGet(t, s, "1").Version != 2 {
		t.Errorf("%d of eight updates won", won)
	}
	var conflict *ConflictError
	if err := s.Delete(t.Context(), "1", 1); !errors.As(err, &conflict) {
		t.Errorf("an older version was deleted: %v", err)
	}
}

func TestStore_KeysAreAddedAndRetired(t *testing.T) {
	s := newStore(t)
	mustCreate(t, s, app("1"))
	if _, err := s.RetireKey(t.Context(), "1", "key-1"); !errors.Is(err, ErrLastKey) {
		t.Errorf("the last key: %v", err)
	}
	if _, err := s.AddKey(t.Context(), "1", config.Key{Key: "second", Secret: "s2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RetireKey(t.Context(), "1", "none"); !errors.Is(err, ErrNoKey) {
		t.Errorf("a key that is not there: %v", err)
	}
	got, err := s.RetireKey(t.Context(), "1", "key-1")
	if err != nil || got.Key != "second" || got.Secret != "s2" || len(got.Keys) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	two := app("2") // the key is free again
	two.Key = "key-1"
	mustCreate(t, s, two)
}

func TestStore_ChangesAreWhatIsNew(t *testing.T) {
	s := newStore(t)
	mustCreate(t, s, app("1"))
	mustCreate(t, s, app("2"))
	all, err := s.Changes(t.Context(), -1)
	if err != nil || !all.All || len(all.Apps) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	mustCreate(t, s, app("3"))
	if err := s.Delete(t.Context(), "1", 0); err != nil {
		t.Fatal(err)
	}
	c, err := s.Changes(t.Context(), all.Sequence)
	if err != nil || c.All || len(c.Apps) != 1 || c.Apps[0].ID != "3" || !slices.Equal(c.Deleted, []string{"1"}) {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := s.Changes(t.Context(), c.Sequence+5); err != nil || !c.All { // restored from a copy
		t.Errorf("%+v, %v", c, err)
	}
}

func TestStore_TwoMigrateAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	server := config.Defaults()
	var wg sync.WaitGroup
	for range 4 {
		s, err := Open(Config{Kind: "sqlite", DSN: file, Server: &server})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		wg.Go(func() {
			if _, err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestStore_TablesOfAnOlderVersionAreBroughtUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	server := config.Defaults()
	s, err := Open(Config{Kind: "sqlite", DSN: file, Server: &server})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var schema *SchemaError
	if err := s.Ready(t.Context()); !errors.As(err, &schema) || schema.Has != 0 {
		t.Errorf("an empty database: %v", err)
	}
	p, err := s.provider()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"INSERT INTO fanfare_apps (id, options, version, changed, created_at, updated_at) VALUES ('1', '{\"client_events\":false}', 3, 1, 0, 0)",
		"INSERT INTO fanfare_app_keys (app_key, app_id, secret, place, created_at) VALUES ('k', '1', 's', 0, 0)",
	} {
		if _, err := s.db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Ready(t.Context()); !errors.As(err, &schema) || schema.Has != 1 {
		t.Errorf("older tables: %v", err)
	}
	if applied, err := s.Migrate(t.Context()); err != nil || !slices.Equal(applied, []int64{2}) {
		t.Errorf("applied %v, %v", applied, err)
	}
	if a := mustGet(t, s, "1"); a.ClientEvents || a.Key != "k" || a.Version != 3 || a.Name != "" {
		t.Errorf("%+v", a)
	}
}

// Ten thousand apps are read in a second; adding one reads one.
func TestStore_TenThousandApps(t *testing.T) {
	s := newStore(t)
	list := make([]App, 10_000)
	for i := range list {
		list[i] = app(fmt.Sprint(i))
		list[i].Limits.MaxConnections = i + 1
	}
	if err := s.CreateAll(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	all, err := s.Changes(t.Context(), -1)
	if err != nil || len(all.Apps) != len(list) {
		t.Fatalf("%d apps, %v", len(all.Apps), err)
	}
	full := time.Since(began)
	mustCreate(t, s, app("one-more"))
	began = time.Now()
	c, err := s.Changes(t.Context(), all.Sequence)
	if err != nil || len(c.Apps) != 1 {
		t.Fatalf("%d apps, %v", len(c.Apps), err)
	}
	t.Logf("10,000 apps are read in %v, one more in %v", full, time.Since(began))
}

func TestPage_GoesThroughAll(t *testing.T) {
	s := newStore(t)
	for i := range 7 {
		a := app(fmt.Sprint("a", i))
		a.Keys = []config.Key{{Key: fmt.Sprint("more", i), Secret: "m"}}
		mustCreate(t, s, a)
	}
	var got []string
	for after := ""; ; {
		list, _, err := s.Page(context.Background(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, a := range list {
			if len(a.Keys) != 1 {
				t.Errorf("app %s has keys %v", a.ID, a.Keys)
			}
			got = append(got, a.ID)
		}
		after = list[len(list)-1].ID
	}
	if strings.Join(got, " ") != "a0 a1 a2 a3 a4 a5 a6" {
		t.Error(got)
	}
}

// An import of thousands of apps must not look like a database that is away.
func TestStore_SQLite_WhoReadsWaitsForNoWriter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	s := open(t, file)
	mustCreate(t, s, app("1"))
	reader := open(t, file)
	err := s.write(t.Context(), func(*sql.Tx, int64) error {
		ctx, cancel := context.WithTimeout(t.Context(), deadline.Long)
		defer cancel()
		list, _, err := reader.List(ctx)
		if err != nil || len(list) != 1 {
			return fmt.Errorf("during a change: %d apps, %w", len(list), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// SQLite stores what PostgreSQL refuses as an error of its own.
func TestStore_TextsThatNoDatabaseTakes_AreTheCallersMistake(t *testing.T) {
	s := newStore(t)
	for name, change := range map[string]func(*App){
		"a name with a zero":              func(a *App) { a.Name = "a\x00b" },
		"a name that is not UTF-8":        func(a *App) { a.Name = "a\xffb" },
		"a secret with a zero":            func(a *App) { a.Secret = "a\x00b" },
		"a further secret is not UTF-8":   func(a *App) { a.Keys = []config.Key{{Key: "k2", Secret: "a\xffb"}} },
		"a secret that looks encrypted":   func(a *App) { a.Secret = sealMark },
		"an id that is longer than MySQL": func(a *App) { a.ID = strings.Repeat("a", longestID+1) },
	} {
		a := app("1")
		change(&a)
		var wrong *config.Error
		if _, err := s.Create(t.Context(), a); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
