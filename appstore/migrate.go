package appstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
)

// migrationsTable is the table in which goose records the migrations that have run.
const migrationsTable = "fanfare_app_migrations"

// SchemaError means that the tables have another version than this program needs.
type SchemaError struct {
	Has, Wants int64

	unbegun bool // the table of migrations exists and is empty
}

// Error returns a message that says what to do.
func (e *SchemaError) Error() string {
	if e.Has > e.Wants {
		return fmt.Sprintf("the tables of the app store have version %d, and this fanfare knows %d: a newer one has migrated them", e.Has, e.Wants)
	}
	return fmt.Sprintf("the tables of the app store have version %d, and this fanfare needs %d; run `fanfare apps migrate`, or set store.migrate to true", e.Has, e.Wants)
}

func (s *Store) provider() (*goose.Provider, error) {
	files, err := s.dialect.migrations()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(s.dialect.goose, s.db, files, goose.WithTableName(migrationsTable), goose.WithDisableGlobalRegistry(true))
}

// Ready returns nil if the database is reachable and its tables have the version
// that this program needs, and a *SchemaError if they have another one. It changes
// nothing.
func (s *Store) Ready(ctx context.Context) error {
	p, err := s.provider()
	if err != nil {
		return err
	}
	wants := p.ListSources()[len(p.ListSources())-1].Version
	var tables, rows int
	if err := s.db.QueryRowContext(ctx, s.dialect.hasTables).Scan(&tables); err != nil {
		return fmt.Errorf("reach the app store: %w", err)
	}
	if tables == 0 {
		return &SchemaError{Wants: wants}
	}
	if err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+migrationsTable).Scan(&rows); err != nil {
		return fmt.Errorf("reach the app store: %w", err)
	}
	if rows == 0 {
		return &SchemaError{Wants: wants, unbegun: true}
	}
	has, err := p.GetDBVersion(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("reach the app store: %w", err)
	case has != wants:
		return &SchemaError{Has: has, Wants: wants}
	}
	return nil
}

// Migrate migrates the tables to the current version and returns the versions that
// were applied, none if the tables were up to date. If several processes migrate at
// the same time, one does it and the others wait.
func (s *Store) Migrate(ctx context.Context) (applied []int64, err error) {
	unlock, err := s.lockMigrations(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	for try := 0; ; try++ {
		applied, err = s.migrateOnce(ctx)
		var old *SchemaError
		if err == nil || errors.As(err, &old) || s.dialect.lock != "" || try == mostTries {
			return applied, err
		}
		// SQLite has no lock that lasts longer than a transaction. A process that
		// lost the race finds the tables up to date when it tries again.
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(tryAgain):
		}
	}
}

const (
	mostTries = 50
	tryAgain  = 100 * time.Millisecond
)

func (s *Store) migrateOnce(ctx context.Context) (applied []int64, err error) {
	err = s.Ready(ctx)
	var old *SchemaError
	if !errors.As(err, &old) || old.Has > old.Wants {
		return nil, err
	}
	p, err := s.provider()
	if err != nil {
		return nil, err
	}
	if old.unbegun { // goose was killed before it wrote its first row
		if _, err := s.db.ExecContext(ctx, "INSERT INTO "+migrationsTable+" (version_id, is_applied) VALUES (0, TRUE)"); err != nil {
			return nil, fmt.Errorf("migrate the app store: %w", err)
		}
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate the app store: %w", err)
	}
	for _, r := range results {
		applied = append(applied, r.Source.Version)
	}
	return applied, nil
}

// lockMigrations waits for other processes that migrate. The lock belongs to a
// connection, which unlock releases.
func (s *Store) lockMigrations(ctx context.Context) (unlock func(), err error) {
	if s.dialect.lock == "" {
		return func() {}, nil
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the app store: %w", err)
	}
	var got sql.NullString // void in PostgreSQL; in MySQL 1, or 0 after a timeout
	if err := conn.QueryRowContext(ctx, s.dialect.lock).Scan(&got); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("wait for another process that migrates the app store: %w", err)
	}
	if s.dialect.name == "mysql" && got.String != "1" {
		_ = conn.Close()
		return nil, errors.New("another process has been migrating the app store for a minute")
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), s.dialect.unlock) // closing the connection releases it too
		_ = conn.Close()
	}, nil
}
