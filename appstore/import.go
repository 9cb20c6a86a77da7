package appstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"fanfare/config"
)

// CreateAll adds apps, all or none.
func (s *Store) CreateAll(ctx context.Context, list []App) error {
	for i := range list {
		if err := s.usable(&list[i]); err != nil {
			return ofApp(list[i].ID, err)
		}
	}
	return s.write(ctx, func(tx *sql.Tx, change int64) error {
		for i := range list {
			if err := s.create(ctx, tx, &list[i], change); err != nil {
				return err
			}
		}
		return nil
	})
}

// Imported are the ids of the apps that Import has created, replaced or left as they were.
type Imported struct{ Created, Replaced, Kept []string }

// Import adds apps, all or none. If an id exists, Import replaces the stored app if
// replace is set, and otherwise leaves it as it is.
func (s *Store) Import(ctx context.Context, list []config.App, replace bool) (done Imported, err error) {
	for i := range list {
		if err := s.usable(&App{App: list[i]}); err != nil {
			return Imported{}, ofApp(list[i].ID, err)
		}
	}
	err = s.write(ctx, func(tx *sql.Tx, change int64) error {
		for i := range list {
			id := list[i].ID
			err := s.create(ctx, tx, &App{App: list[i]}, change)
			var exists *ExistsError
			switch {
			case err == nil:
				done.Created = append(done.Created, id)
				continue
			case !errors.As(err, &exists) || exists.What != "id":
				return ofApp(id, err)
			case !replace:
				done.Kept = append(done.Kept, id)
				continue
			}
			if err := s.replace(ctx, tx, &list[i], change); err != nil {
				return ofApp(id, err)
			}
			done.Replaced = append(done.Replaced, id)
		}
		return nil
	})
	if err != nil {
		return Imported{}, err
	}
	return done, nil
}

// replace replaces the stored app with the same id, except its name.
func (s *Store) replace(ctx context.Context, tx *sql.Tx, app *config.App, change int64) error {
	there, err := s.get(ctx, tx, app.ID)
	if err != nil {
		return err
	}
	before := keysOf(&there.App)
	there.App = *app
	return s.save(ctx, tx, there, before, change)
}

// ofApp adds the app's id to an error about one of many apps.
func ofApp(id string, err error) error {
	var wrong *config.Error
	if !errors.As(err, &wrong) {
		return fmt.Errorf("app %s: %w", id, err)
	}
	named := &config.Error{}
	for _, p := range wrong.Problems {
		p.Key = strings.TrimSuffix(fmt.Sprintf("app %s: %s", id, p.Key), ": ")
		named.Problems = append(named.Problems, p)
	}
	return named
}
