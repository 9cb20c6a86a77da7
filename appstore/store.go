package appstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"fanfare/config"
)

// Config configures a Store.
type Config struct {
	Kind string // sqlite, postgres or mysql
	DSN  string // address of the database, in the form that its driver reads

	// Keys encrypt the secrets of apps; each has 32 bytes. The first one
	// encrypts, all of them decrypt. Without keys, secrets are stored as they
	// are.
	Keys [][]byte

	// Server is the server's configuration, with which the apps must be compatible.
	Server *config.Config
	// Check is called for each app after the rules of the configuration; nil
	// accepts every app.
	Check func(*config.App) error

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// App is an app in the store.
type App struct {
	config.App

	// Name is a label for people. The server does not use it.
	Name string
	// Version counts the changes of the app, from 1.
	Version          int64
	Created, Updated time.Time

	changed int64 // sequence number of its last change
}

// Store reads and changes the apps in a database. It is safe for concurrent use.
type Store struct {
	db        *sql.DB
	dialect   dialect
	dsn       string
	seals     *seals
	documents *config.Documents
	check     func(*config.App) error
	now       func() time.Time
	file      atomic.Pointer[os.FileInfo] // SQLite's file at the last call of replaced
}

// Open returns the store at cfg.DSN. It opens no connection yet: Ready reports
// whether the database is reachable and its tables are up to date.
func Open(cfg Config) (*Store, error) {
	d, ok := dialects[cfg.Kind]
	if !ok {
		return nil, fmt.Errorf("store.kind %q is unknown; use sqlite, postgres or mysql", cfg.Kind)
	}
	seals, err := newSeals(cfg.Keys)
	if err != nil {
		return nil, err
	}
	db, err := d.open(cfg.DSN)
	if err != nil {
		return nil, fmt.Errorf("store.dsn: %w", err)
	}
	db.SetMaxOpenConns(mostConnections)
	db.SetMaxIdleConns(mostIdle)
	db.SetConnMaxLifetime(connectionLife)
	s := &Store{db: db, dialect: d, dsn: cfg.DSN, seals: seals, documents: config.NewDocuments(cfg.Server), check: cfg.Check, now: cfg.Now}
	if s.check == nil {
		s.check = func(*config.App) error { return nil }
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

const (
	mostConnections = 4
	mostIdle        = 1
	connectionLife  = 5 * time.Minute
)

// Close closes the connections.
func (s *Store) Close() error { return s.db.Close() }

// Documents returns the reader and writer of apps' options as JSON.
func (s *Store) Documents() *config.Documents { return s.documents }

// read calls f in a read-only transaction with one snapshot.
func (s *Store) read(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, s.dialect.snapshot)
	if err != nil {
		return fmt.Errorf("read the app store: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	return f(tx)
}

// write calls f in a transaction, which it commits if f returns no error. change
// is the next sequence number. Its update makes writers wait for each other, so
// that what f reads does not change, and changes become visible in the order of
// their numbers.
func (s *Store) write(ctx context.Context, f func(tx *sql.Tx, change int64) error) error {
	tx, err := s.db.BeginTx(ctx, s.dialect.change)
	if err != nil {
		return fmt.Errorf("change the app store: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "UPDATE fanfare_app_sequence SET value = value + 1 WHERE id = 1"); err != nil {
		return fmt.Errorf("change the app store: %w", err)
	}
	change, err := s.sequence(ctx, tx)
	if err != nil {
		return err
	}
	if err := f(tx, change); err != nil {
		return err
	}
	if s.dialect.notify != "" {
		if _, err := tx.ExecContext(ctx, s.dialect.notify); err != nil {
			return fmt.Errorf("notify the nodes: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("change the app store: %w", err)
	}
	return nil
}

// queryer is a *sql.DB or a *sql.Tx.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// sequence returns the sequence number of the last change.
func (s *Store) sequence(ctx context.Context, q queryer) (n int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT value FROM fanfare_app_sequence WHERE id = 1").Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errors.New("the table fanfare_app_sequence has no row; restore it with `INSERT INTO fanfare_app_sequence VALUES (1, 1000000)`")
	}
	if err != nil {
		return 0, fmt.Errorf("read the app store: %w", err)
	}
	return n, nil
}
