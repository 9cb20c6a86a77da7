package appstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// openSQLite opens a path, or a URI as SQLite itself accepts it. Writers wait for
// each other; readers do not wait. A new file is created readable for its owner
// only, because it will contain secrets; SQLite gives the files next to it the
// same mode.
func openSQLite(dsn string) (*sql.DB, error) {
	u, path, err := sqliteFile(dsn)
	if err != nil {
		return nil, err
	}
	if u.Query().Get("mode") == "" {
		if f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600); err == nil { // if this fails, SQLite reports why
			_ = f.Close()
		}
	}
	with := "?"
	if u.RawQuery != "" {
		with = "&"
	}
	return sql.Open("sqlite", u.String()+with+"_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate")
}

// sqliteFile returns an address of SQLite as a URI, and the path of its file.
func sqliteFile(dsn string) (u *url.URL, path string, err error) {
	if !strings.HasPrefix(dsn, "file:") {
		dsn = "file:" + (&url.URL{Path: dsn}).EscapedPath()
	}
	if u, err = url.Parse(dsn); err != nil {
		return nil, "", errors.New("is neither the path nor the URI of a file")
	}
	path, err = url.PathUnescape(cmp.Or(u.Opaque, u.EscapedPath()))
	if err != nil || path == ":memory:" || u.Query().Get("mode") == "memory" {
		return nil, "", errors.New("is not the path of a file; a database in memory is not supported, because connections do not share it")
	}
	return u, path, nil
}

func openPostgres(dsn string) (*sql.DB, error) {
	cfg, err := parsePostgres(dsn)
	if err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*cfg), nil
}

// parsePostgres parses an address. Its errors contain no part of the address,
// because in an address that cannot be parsed any part may be the password.
func parsePostgres(dsn string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		text := err.Error() // cannot parse `address`: what is wrong (why)
		text = text[strings.LastIndexByte(text, '`')+1:]
		if strings.Contains(text, "failed to parse as") {
			text, _, _ = strings.Cut(text, " (")
		}
		return nil, fmt.Errorf("cannot be read%s; write postgres://user:password@host:5432/name, and %%40 for an @ in the password", text)
	}
	if strings.Contains(strings.TrimPrefix(cfg.Host, "@"), "@") && !strings.HasPrefix(cfg.Host, "/") {
		return nil, errors.New("has an @ in the host; write %40 for an @ in the password")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	return cfg, nil
}

func openMySQL(dsn string) (*sql.DB, error) {
	cfg, err := mysql.ParseDSN(strings.TrimPrefix(dsn, "mysql://"))
	if err != nil {
		if text := err.Error(); strings.HasPrefix(text, "invalid DSN: ") { // such errors contain no part of the address
			return nil, errors.New(text)
		}
		return nil, errors.New("is not an address such as user:password@tcp(host:3306)/name, or has a parameter with a wrong value")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = connectTimeout
	}
	cfg.Logger = &mysql.NopLogger{} // errors are returned anyway
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(hurried{connector, cfg.Timeout}), nil
}

// hurried is a connector with a timeout for the whole opening of a connection.
// MySQL's own timeout covers only dialing, and a server that hangs still accepts
// connections.
type hurried struct {
	driver.Connector
	within time.Duration
}

// Connect implements driver.Connector.
func (h hurried) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, h.within)
	defer cancel()
	return h.Connector.Connect(ctx)
}

// connectTimeout is the timeout for opening a connection if the address has none.
const connectTimeout = 5 * time.Second
