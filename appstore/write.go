package appstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"fanfare/config"
)

// Create adds an app with its keys, and sets Version, Created and Updated.
func (s *Store) Create(ctx context.Context, app App) (*App, error) {
	if err := s.usable(&app); err != nil {
		return nil, err
	}
	err := s.write(ctx, func(tx *sql.Tx, change int64) error {
		return s.create(ctx, tx, &app, change)
	})
	if err != nil {
		return nil, err
	}
	return &app, nil
}

func (s *Store) create(ctx context.Context, tx *sql.Tx, app *App, change int64) error {
	var n int
	if err := tx.QueryRowContext(ctx, s.dialect.bind("SELECT COUNT(*) FROM fanfare_apps WHERE id = ?"), app.ID).Scan(&n); err != nil {
		return fmt.Errorf("read the app store: %w", err)
	}
	if n > 0 {
		return &ExistsError{What: "id", Name: app.ID}
	}
	now := s.now().Truncate(time.Millisecond).UTC()
	app.Version, app.Created, app.Updated, app.changed = 1, now, now, change
	options, err := s.options(&app.App)
	if err != nil {
		return err
	}
	if err := s.exec(ctx, tx, "DELETE FROM fanfare_deleted_apps WHERE id = ?", app.ID); err != nil {
		return err
	}
	if err := s.exec(ctx, tx, "INSERT INTO fanfare_apps (id, name, options, version, changed, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		app.ID, app.Name, options, 1, change, now.UnixMilli(), now.UnixMilli()); err != nil {
		return err
	}
	return s.saveKeys(ctx, tx, app.ID, nil, keysOf(&app.App))
}

// Update calls change with an app and stores the result. version is the version on
// which the change is based; if the app has another one, Update fails with a
// *ConflictError. 0 accepts any version. The id cannot change.
func (s *Store) Update(ctx context.Context, id string, version int64, change func(*App) error) (app *App, err error) {
	err = s.write(ctx, func(tx *sql.Tx, number int64) error {
		if app, err = s.current(ctx, tx, id, version); err != nil {
			return err
		}
		before := keysOf(&app.App)
		if err := change(app); err != nil {
			return err
		}
		if app.ID != id {
			return invalid("id", "cannot be changed; create another app")
		}
		if err := s.usable(app); err != nil {
			return err
		}
		return s.save(ctx, tx, app, before, number)
	})
	if err != nil {
		return nil, err
	}
	return app, nil
}

// Delete removes an app, also one that cannot be used. version is as for Update.
func (s *Store) Delete(ctx context.Context, id string, version int64) error {
	return s.write(ctx, func(tx *sql.Tx, change int64) error {
		r, err := s.getRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if version != 0 && version != r.version {
			return &ConflictError{ID: id, Given: version, Now: r.version}
		}
		now := s.now()
		for _, step := range []struct {
			query string
			args  []any
		}{
			{"DELETE FROM fanfare_app_keys WHERE app_id = ?", []any{id}},
			{"DELETE FROM fanfare_apps WHERE id = ?", []any{id}},
			{"DELETE FROM fanfare_deleted_apps WHERE id = ? OR deleted_at < ?", []any{id, now.Add(-deletedFor).UnixMilli()}},
			{"INSERT INTO fanfare_deleted_apps (id, changed, deleted_at) VALUES (?, ?, ?)", []any{id, change, now.UnixMilli()}},
		} {
			if err := s.exec(ctx, tx, step.query, step.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// deletedFor is how long the deletion of an app is recorded. A Mirror that was
// disconnected for longer reads all apps.
const deletedFor = 7 * 24 * time.Hour

// SetEnabled enables or disables an app for clients and the HTTP API.
func (s *Store) SetEnabled(ctx context.Context, id string, enabled bool) (*App, error) {
	return s.Update(ctx, id, 0, func(a *App) error {
		a.Enabled = enabled
		return nil
	})
}

// AddKey adds a key to an app. The keys that it has stay valid.
func (s *Store) AddKey(ctx context.Context, id string, key config.Key) (*App, error) {
	return s.Update(ctx, id, 0, func(a *App) error {
		a.Keys = append(a.Keys, key)
		return nil
	})
}

// RetireKey removes a key of an app, or fails with ErrNoKey or ErrLastKey. The
// oldest remaining key signs webhooks.
func (s *Store) RetireKey(ctx context.Context, id, key string) (*App, error) {
	return s.Update(ctx, id, 0, func(a *App) error {
		keys := keysOf(&a.App)
		i := slices.IndexFunc(keys, func(k config.Key) bool { return k.Key == key })
		switch {
		case i < 0:
			return ErrNoKey
		case len(keys) == 1:
			return ErrLastKey
		}
		keys = slices.Delete(keys, i, i+1)
		a.Key, a.Secret, a.Keys = keys[0].Key, keys[0].Secret, keys[1:]
		return nil
	})
}

// RotateEncryption encrypts with the first key everything that is not encrypted
// with it yet; without a key it decrypts everything. It returns the number of apps
// that it has stored. Their versions stay the same, because their options do not
// change.
func (s *Store) RotateEncryption(ctx context.Context) (n int, err error) {
	err = s.write(ctx, func(tx *sql.Tx, _ int64) error {
		rows, err := s.rows(ctx, tx, "", 0)
		if err != nil {
			return err
		}
		for _, r := range rows {
			stored, err := s.reseal(ctx, tx, r)
			if err != nil {
				return err
			}
			if stored {
				n++
			}
		}
		return nil
	})
	return n, err
}

// reseal encrypts the stored secrets of an app again. It does not decode the app,
// so that it also works for apps that cannot be used.
func (s *Store) reseal(ctx context.Context, tx *sql.Tx, r *row) (stored bool, err error) {
	for _, k := range r.keys {
		if s.seals.isCurrent(k.secret) {
			continue
		}
		secret, err := s.seals.open(r.id, secretPlace(k.key), k.secret)
		if err != nil {
			return false, err
		}
		if err := s.exec(ctx, tx, "UPDATE fanfare_app_keys SET secret = ? WHERE app_key = ?", s.seals.seal(r.id, secretPlace(k.key), secret), k.key); err != nil {
			return false, err
		}
		stored = true
	}
	options, err := s.resealOptions(r.id, r.options)
	if err != nil || options == r.options {
		return stored, err
	}
	return true, s.exec(ctx, tx, "UPDATE fanfare_apps SET options = ? WHERE id = ?", options, r.id)
}

// current returns an app for a change, or a *ConflictError if it does not have the version.
func (s *Store) current(ctx context.Context, tx *sql.Tx, id string, version int64) (*App, error) {
	app, err := s.get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if version != 0 && version != app.Version {
		return nil, &ConflictError{ID: id, Given: version, Now: app.Version}
	}
	return app, nil
}

func (s *Store) save(ctx context.Context, tx *sql.Tx, app *App, before []config.Key, change int64) error {
	options, err := s.options(&app.App)
	if err != nil {
		return err
	}
	app.Version++
	app.Updated, app.changed = s.now().Truncate(time.Millisecond).UTC(), change
	if err := s.exec(ctx, tx, "UPDATE fanfare_apps SET name = ?, options = ?, version = ?, changed = ?, updated_at = ? WHERE id = ?",
		app.Name, options, app.Version, change, app.Updated.UnixMilli(), app.ID); err != nil {
		return err
	}
	if after := keysOf(&app.App); !slices.Equal(before, after) {
		return s.saveKeys(ctx, tx, app.ID, before, after)
	}
	return nil
}

// saveKeys stores the keys of an app. Keys that remain keep the time at which they
// were added.
func (s *Store) saveKeys(ctx context.Context, tx *sql.Tx, app string, before, after []config.Key) error {
	for _, k := range before {
		if !slices.ContainsFunc(after, func(a config.Key) bool { return a.Key == k.Key }) {
			if err := s.exec(ctx, tx, "DELETE FROM fanfare_app_keys WHERE app_key = ?", k.Key); err != nil {
				return err
			}
		}
	}
	for i, k := range after {
		secret := s.seals.seal(app, secretPlace(k.Key), k.Secret)
		if slices.ContainsFunc(before, func(b config.Key) bool { return b.Key == k.Key }) {
			if err := s.exec(ctx, tx, "UPDATE fanfare_app_keys SET secret = ?, place = ? WHERE app_key = ?", secret, i, k.Key); err != nil {
				return err
			}
			continue
		}
		owner, err := s.keyOwner(ctx, tx, k.Key)
		if err != nil {
			return err
		}
		if owner != "" {
			return &ExistsError{What: "key", Name: k.Key, App: owner}
		}
		if err := s.exec(ctx, tx, "INSERT INTO fanfare_app_keys (app_key, app_id, secret, place, created_at) VALUES (?, ?, ?, ?, ?)",
			k.Key, app, secret, i, s.now().UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) exec(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	if _, err := tx.ExecContext(ctx, s.dialect.bind(query), args...); err != nil {
		return fmt.Errorf("change the app store: %w", err)
	}
	return nil
}
