package appstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Unreadable is a stored app that is invalid and is not served.
type Unreadable struct {
	ID  string
	Err error
}

// List returns all apps sorted by id, and separately those that cannot be used.
func (s *Store) List(ctx context.Context) (list []App, bad []Unreadable, err error) {
	return s.Page(ctx, "", 0)
}

// Page is List for the first n apps whose id is greater than after; n of 0
// means all.
func (s *Store) Page(ctx context.Context, after string, n int) (list []App, bad []Unreadable, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := s.rows(ctx, tx, after, n)
		if err == nil {
			list, bad = s.decode(rows)
		}
		return err
	})
	return list, bad, err
}

// Get returns the app with an id, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (app *App, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		app, err = s.get(ctx, tx, id)
		return err
	})
	return app, err
}

// Changes are the apps that have changed since a sequence number.
type Changes struct {
	Sequence int64 // number of the last change
	Apps     []App // new and changed apps; if All is set, all apps
	Bad      []Unreadable
	Deleted  []string
	All      bool // an app that is neither in Apps nor in Bad was deleted
}

// Changes returns the changes after a sequence number. For -1, and for a number
// that the store has not reached (because a backup was restored), it returns
// all apps.
func (s *Store) Changes(ctx context.Context, after int64) (c Changes, err error) {
	now, err := s.sequence(ctx, s.db)
	if err != nil || now == after {
		return Changes{Sequence: now}, err
	}
	err = s.read(ctx, func(tx *sql.Tx) error {
		if c.Sequence, err = s.sequence(ctx, tx); err != nil {
			return err
		}
		c.All = after < 0 || c.Sequence < after
		var rows []*row
		if c.All {
			rows, err = s.rows(ctx, tx, "", 0)
		} else {
			rows, err = s.rowsSince(ctx, tx, after)
		}
		if err != nil {
			return err
		}
		if !c.All {
			if c.Deleted, err = s.deletedSince(ctx, tx, after); err != nil {
				return err
			}
		}
		c.Apps, c.Bad = s.decode(rows)
		return nil
	})
	return c, err
}

func (s *Store) decode(rows []*row) (list []App, bad []Unreadable) {
	list = make([]App, 0, len(rows))
	for _, r := range rows {
		a, err := s.app(r)
		if err != nil {
			bad = append(bad, Unreadable{r.id, err})
			continue
		}
		list = append(list, *a)
	}
	return list, bad
}

const rowColumns = "a.id, a.name, a.options, a.version, a.changed, a.created_at, a.updated_at"

func (s *Store) rows(ctx context.Context, q queryer, after string, n int) ([]*row, error) {
	where, args := "WHERE a.id > ?", []any{after}
	if n == 0 {
		return s.rowsWhere(ctx, q, where, "", args...)
	}
	return s.rowsWhere(ctx, q, where, fmt.Sprintf("LIMIT %d", n), args...)
}

func (s *Store) rowsSince(ctx context.Context, q queryer, after int64) ([]*row, error) {
	return s.rowsWhere(ctx, q, "WHERE a.changed > ?", "", after)
}

// rowsWhere returns the apps that match a condition, with their keys. limit
// applies to the apps.
func (s *Store) rowsWhere(ctx context.Context, q queryer, where, limit string, args ...any) (list []*row, err error) {
	byID := map[string]*row{}
	err = s.each(ctx, q, "SELECT "+rowColumns+" FROM fanfare_apps a "+where+" ORDER BY a.id "+limit, args, func(rows *sql.Rows) error {
		r := &row{}
		if err := rows.Scan(&r.id, &r.name, &r.options, &r.version, &r.changed, &r.created, &r.updated); err != nil {
			return err
		}
		list, byID[r.id] = append(list, r), r
		return nil
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if limit != "" {
		where, args = where+" AND a.id <= ?", append(args, list[len(list)-1].id)
	}
	err = s.each(ctx, q, "SELECT k.app_id, k.app_key, k.secret FROM fanfare_app_keys k JOIN fanfare_apps a ON a.id = k.app_id "+where+" ORDER BY k.app_id, k.place", args, func(rows *sql.Rows) error {
		var id string
		var k keyRow
		if err := rows.Scan(&id, &k.key, &k.secret); err != nil {
			return err
		}
		if r := byID[id]; r != nil {
			r.keys = append(r.keys, k)
		}
		return nil
	})
	return list, err
}

func (s *Store) deletedSince(ctx context.Context, q queryer, after int64) (ids []string, err error) {
	err = s.each(ctx, q, "SELECT id FROM fanfare_deleted_apps WHERE changed > ?", []any{after}, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

func (s *Store) each(ctx context.Context, q queryer, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, s.dialect.bind(query), args...)
	if err != nil {
		return fmt.Errorf("read the app store: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("read the app store: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the app store: %w", err)
	}
	return nil
}

func (s *Store) getRow(ctx context.Context, q queryer, id string) (*row, error) {
	list, err := s.rowsWhere(ctx, q, "WHERE a.id = ?", "", id)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func (s *Store) get(ctx context.Context, q queryer, id string) (*App, error) {
	r, err := s.getRow(ctx, q, id)
	if err != nil {
		return nil, err
	}
	return s.app(r)
}

// keyOwner returns the id of the app that has a key, or "".
func (s *Store) keyOwner(ctx context.Context, q queryer, key string) (app string, err error) {
	err = q.QueryRowContext(ctx, s.dialect.bind("SELECT app_id FROM fanfare_app_keys WHERE app_key = ?"), key).Scan(&app)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the app store: %w", err)
	}
	return app, nil
}
