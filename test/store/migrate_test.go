//go:build store && linux

package store

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"fanfare/appstore"
)

func TestStore_SeveralMigrateAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		dsn := d.fresh(t, "race")
		var wg sync.WaitGroup
		applied := make([]int, 4)
		for i := range applied {
			s := open(t, d.kind, dsn)
			wg.Go(func() {
				versions, err := s.Migrate(t.Context())
				if err == nil {
					err = s.Ready(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
				applied[i] = len(versions)
			})
		}
		wg.Wait()
		sum := 0
		for _, n := range applied {
			sum += n
		}
		if sum != 2 {
			t.Errorf("migrations were applied %v times", applied)
		}
	})
}

// load runs a file of SQL in a database.
func (d *database) load(t *testing.T, dsn, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d.kind == "mysql" {
		dsn += "?multiStatements=true"
	}
	d.exec(t, dsn, string(text))
}

func TestStore_TablesOfAnOlderVersionAreBroughtUp(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		dsn := d.fresh(t, "older")
		d.load(t, dsn, "testdata/"+d.kind+"-v1.sql")
		s := open(t, d.kind, dsn, []byte("0123456789abcdef0123456789abcdef"))
		var schema *appstore.SchemaError
		if err := s.Ready(t.Context()); !errors.As(err, &schema) || schema.Has != 1 || schema.Wants != 2 {
			t.Fatalf("older tables: %v", err)
		}
		if applied, err := s.Migrate(t.Context()); err != nil || len(applied) != 1 {
			t.Fatalf("applied %v, %v", applied, err)
		}
		if applied, err := s.Migrate(t.Context()); err != nil || len(applied) != 0 {
			t.Errorf("again: applied %v, %v", applied, err)
		}
		c, err := s.Changes(t.Context(), 4)
		if err != nil || c.Sequence != 5 || len(c.Apps) != 0 || len(c.Deleted) != 1 || c.Deleted[0] != "gone" {
			t.Errorf("%+v, %v", c, err)
		}
		if a, err := s.Get(t.Context(), "Shop"); err != nil || a.Key != "key-Shop" || a.Secret != "größe" || a.Enabled || a.Version != 2 || a.Name != "" {
			t.Errorf("%+v, %v", a, err)
		}
		a, err := s.Update(t.Context(), "shop", 1, func(a *appstore.App) error {
			a.Name = "The shop"
			return nil
		})
		if err != nil || a.Secret != "secret-shop" || len(a.Keys) != 1 || a.Keys[0].Secret != "secret-shop-2" || a.Limits.MaxConnections != 500 ||
			a.Webhooks[0].Headers["Authorization"] != "token-in-header" {
			t.Fatalf("%+v, %v", a, err)
		}
		if a, err = s.Get(t.Context(), "shop"); err != nil || a.Name != "The shop" || a.Version != 2 {
			t.Errorf("%+v, %v", a, err)
		}
		if list, bad, err := s.List(t.Context()); err != nil || len(list) != 2 || len(bad) != 0 {
			t.Errorf("%v, %v, %v", list, bad, err)
		}
	})
}

// MySQL ends a transaction at each statement that changes tables: a process that
// is killed while it migrates leaves some statements done.
func TestStore_AnInterruptedMigrationIsFinished(t *testing.T) {
	var d *database
	for _, other := range databases {
		if other.kind == "mysql" {
			d = other
		}
	}
	s, dsn := migrated(t, d, "interrupted")
	undo := []string{"DROP TABLE IF EXISTS fanfare_deleted_apps, fanfare_app_sequence, fanfare_app_keys, fanfare_apps", "DELETE FROM fanfare_app_migrations WHERE version_id > 0"}
	first, second := statements(t, "00001_apps.sql"), statements(t, "00002_names.sql")
	for n := range len(first) + len(second) + 1 {
		d.exec(t, dsn, undo...)
		d.exec(t, dsn, first[:min(n, len(first))]...)
		if n > len(first) {
			d.exec(t, dsn, "INSERT INTO fanfare_app_migrations (version_id, is_applied) VALUES (1, TRUE)")
			d.exec(t, dsn+"?multiStatements=true", strings.Join(second[:n-len(first)], ";\n"))
		}
		_, err := s.Migrate(t.Context())
		if err == nil {
			_, err = s.Create(t.Context(), app("1"))
		}
		if err != nil {
			t.Errorf("after %d statements: %v", n, err)
		}
	}
	d.exec(t, dsn, append(undo, "DELETE FROM fanfare_app_migrations")...)
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Errorf("after the table of migrations was made: %v", err)
	}
}

// statements are those of a migration for MySQL.
func statements(t *testing.T, file string) (list []string) {
	t.Helper()
	text, err := os.ReadFile("../../appstore/migrations/mysql/" + file)
	if err != nil {
		t.Fatal(err)
	}
	up, _, _ := strings.Cut(string(text), "-- +goose Down")
	for s := range strings.SplitSeq(regexp.MustCompile("(?m)^--.*$").ReplaceAllString(up, ""), ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}
