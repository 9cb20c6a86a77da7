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

// openSQLite takes a path, or the URI that SQLite itself takes. Writers wait for
// each other, and readers for nobody. A file that is not there is made for its
// owner alone, for it will hold secrets; SQLite gives the files beside it the same
// mode.
func openSQLite(dsn string) (*sql.DB, error) {
	u, path, err := sqliteFile(dsn)
	if err != nil {
		return nil, err
	}
	if u.Query().Get("mode") == "" {
		if f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600); err == nil { // SQLite tells why not
			_ = f.Close()
		}
	}
	with := "?"
	if u.RawQuery != "" {
		with = "&"
	}
	return sql.Open("sqlite", u.String()+with+"_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate")
}

// sqliteFile is an address of SQLite as a URI, and the path of its file.
func sqliteFile(dsn string) (u *url.URL, path string, err error) {
	if !strings.HasPrefix(dsn, "file:") {
		dsn = "file:" + (&url.URL{Path: dsn}).EscapedPath()
	}
	if u, err = url.Parse(dsn); err != nil {
		return nil, "", errors.New("is not the path of a file, nor the URI of one")
	}
	path, err = url.PathUnescape(cmp.Or(u.Opaque, u.EscapedPath()))
	if err != nil || path == ":memory:" || u.Query().Get("mode") == "memory" {
		return nil, "", errors.New("is not the path of a file; a database in memory would not be shared by two connections")
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

// parsePostgres reads an address. Its errors have no piece of it, for in one that
// cannot be read nobody knows what the password is.
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
		return nil, errors.New("has an @ in the host; write %40 for one in the password")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	return cfg, nil
}

func openMySQL(dsn string) (*sql.DB, error) {
	cfg, err := mysql.ParseDSN(strings.TrimPrefix(dsn, "mysql://"))
	if err != nil {
		if text := err.Error(); strings.HasPrefix(text, "invalid DSN: ") { // which is followed by no piece of it
			return nil, errors.New(text)
		}
		return nil, errors.New("is not an address such as user:password@tcp(host:3306)/name, or has a parameter with a wrong value")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = connectTimeout
	}
	cfg.Logger = &mysql.NopLogger{} // what matters comes as an error
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(hurried{connector, cfg.Timeout}), nil
}

// hurried bounds the whole opening of a connection: MySQL's timeout ends with
// dialing, and a server that hangs takes connections.
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

// connectTimeout bounds a connection that is opened, unless the address does.
const connectTimeout = 5 * time.Second
