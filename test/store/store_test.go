//go:build store && linux

package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"fanfare/appstore"
	"fanfare/config"
)

func open(t *testing.T, kind, dsn string, keys ...[]byte) *appstore.Store {
	t.Helper()
	server := config.Defaults()
	s, err := appstore.Open(appstore.Config{Kind: kind, DSN: dsn, Keys: keys, Server: &server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func migrated(t *testing.T, d *database, name string, keys ...[]byte) (*appstore.Store, string) {
	t.Helper()
	dsn := d.fresh(t, name)
	s := open(t, d.kind, dsn, keys...)
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, dsn
}

func app(id string) appstore.App {
	a := appstore.App{App: config.DefaultApp()}
	a.ID, a.Key, a.Secret = id, "key-"+id, "secret-"+id
	return a
}

// each runs a test on every database, on all at a time.
func each(t *testing.T, f func(t *testing.T, d *database)) {
	for _, d := range databases {
		t.Run(d.kind, func(t *testing.T) {
			t.Parallel()
			f(t, d)
		})
	}
}

func TestStore_CreatesReadsChangesAndDeletes(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		s, _ := migrated(t, d, "crud")
		a := app("A")
		a.Name = "Größe 大 🎺"
		a.Webhooks = []config.Webhook{{URL: "https://hooks.example/?é", Events: []string{"cache_miss"}, Batch: config.WebhookBatch{Interval: time.Second}}}
		if _, err := s.Create(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(t.Context(), app("a")); err != nil { // ids differ by case
			t.Fatal(err)
		}
		var exists *appstore.ExistsError
		if _, err := s.Create(t.Context(), app("A")); !errors.As(err, &exists) {
			t.Errorf("an id twice: %v", err)
		}
		got, err := s.Get(t.Context(), "A")
		if err != nil || got.Name != a.Name || got.Secret != "secret-A" || got.Webhooks[0].URL != a.Webhooks[0].URL {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := s.AddKey(t.Context(), "A", config.Key{Key: "second", Secret: "s2"}); err != nil {
			t.Error(err)
		}
		if got, err := s.RetireKey(t.Context(), "A", "key-A"); err != nil || got.Key != "second" {
			t.Errorf("%+v, %v", got, err)
		}
		before, err := s.Changes(t.Context(), -1)
		if err != nil || len(before.Apps) != 2 {
			t.Fatalf("%+v, %v", before, err)
		}
		if err := s.Delete(t.Context(), "A", 0); err != nil {
			t.Fatal(err)
		}
		if c, err := s.Changes(t.Context(), before.Sequence); err != nil || c.All || len(c.Apps) != 0 || len(c.Deleted) != 1 {
			t.Errorf("%+v, %v", c, err)
		}
		if list, bad, err := s.List(t.Context()); err != nil || len(bad) > 0 || len(list) != 1 {
			t.Errorf("%v, %v, %v", list, bad, err)
		}
	})
}

// Operators set another default than read committed and repeatable read.
func TestStore_WritersWaitForEachOther_WhateverTheDatabasesDefaultIs(t *testing.T) {
	defaults := map[string]string{"postgres": "&default_transaction_isolation=serializable", "mysql": "?tx_isolation=%27SERIALIZABLE%27"}
	each(t, func(t *testing.T, d *database) {
		_, dsn := migrated(t, d, "isolated")
		s := open(t, d.kind, dsn+defaults[d.kind])
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = s.Create(t.Context(), app(fmt.Sprint(i))) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if c, err := s.Changes(t.Context(), -1); err != nil || len(c.Apps) != len(errs) || c.Sequence != int64(len(errs)) {
			t.Errorf("%d apps, change %d, %v", len(c.Apps), c.Sequence, err)
		}
	})
}

func TestStore_ConcurrentUpdatesOfOneVersion_OneWins(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		s, _ := migrated(t, d, "conflict")
		if _, err := s.Create(t.Context(), app("1")); err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 6)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = s.Update(t.Context(), "1", 1, func(a *appstore.App) error { a.Limits.MaxConnections = i + 1; return nil })
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			var conflict *appstore.ConflictError
			if err == nil {
				won++
			} else if !errors.As(err, &conflict) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d updates of one version won", won)
		}
	})
}

func TestStore_EncryptionIsRotated(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		old, next := []byte("0123456789abcdef0123456789abcdef"), []byte("fedcba9876543210fedcba9876543210")
		s, dsn := migrated(t, d, "sealed", old)
		if _, err := s.Create(t.Context(), app("1")); err != nil {
			t.Fatal(err)
		}
		var encryption *appstore.EncryptionError
		if _, err := open(t, d.kind, dsn, next).Get(t.Context(), "1"); !errors.As(err, &encryption) || encryption.KeyID != appstore.KeyID(old) {
			t.Errorf("with another key: %v", err)
		}
		if n, err := open(t, d.kind, dsn, next, old).RotateEncryption(t.Context()); n != 1 || err != nil {
			t.Errorf("rotated %d, %v", n, err)
		}
		if a, err := open(t, d.kind, dsn, next).Get(t.Context(), "1"); err != nil || a.Secret != "secret-1" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestStore_TenThousandApps(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		s, _ := migrated(t, d, "many")
		list := make([]appstore.App, 10_000)
		for i := range list {
			list[i] = app(fmt.Sprint(i))
		}
		if err := s.CreateAll(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		all, err := s.Changes(t.Context(), -1)
		full := time.Since(began)
		if err != nil || len(all.Apps) != len(list) {
			t.Fatalf("%d apps, %v", len(all.Apps), err)
		}
		if _, err := s.Create(t.Context(), app("more")); err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		if c, err := s.Changes(t.Context(), all.Sequence); err != nil || len(c.Apps) != 1 {
			t.Fatalf("%d apps, %v", len(c.Apps), err)
		}
		t.Logf("10,000 apps are read in %v, one more in %v", full, time.Since(began))
	})
}
