package appstore

import (
	"database/sql"
	"embed"
	"io/fs"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// dialect is where databases differ.
type dialect struct {
	name      string
	goose     goose.Dialect
	open      func(dsn string) (*sql.DB, error)
	numbered  bool           // placeholders are $1, $2 and not ?
	snapshot  *sql.TxOptions // of a transaction that reads one state
	change    *sql.TxOptions // of one that waits for others and finds what they left
	notify    string         // has nodes look at once, "" if nothing does
	lock      string         // takes the lock of migrations, "" if there is none
	unlock    string
	hasTables string // counts the tables of migrations
}

// notifyChannel is what PostgreSQL tells nodes by.
const notifyChannel = "fanfare_apps"

var dialects = map[string]dialect{
	"sqlite": {
		name: "sqlite", goose: goose.DialectSQLite3, open: openSQLite,
		snapshot:  &sql.TxOptions{ReadOnly: true}, // begins without the lock of writers
		hasTables: "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '" + migrationsTable + "'",
	},
	"postgres": {
		name: "postgres", goose: goose.DialectPostgres, open: openPostgres, numbered: true,
		snapshot:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		change:    &sql.TxOptions{Isolation: sql.LevelReadCommitted}, // at others it fails instead
		notify:    "SELECT pg_notify('" + notifyChannel + "', '')",
		lock:      "SELECT pg_advisory_lock(724160301)",
		unlock:    "SELECT pg_advisory_unlock(724160301)",
		hasTables: "SELECT COUNT(*) FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = '" + migrationsTable + "'",
	},
	"mysql": { // where the name of a lock has 64 characters at most, as that of a database
		name: "mysql", goose: goose.DialectMySQL, open: openMySQL,
		snapshot:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		lock:      "SELECT GET_LOCK(CONCAT('fanfare_apps.', MD5(COALESCE(DATABASE(), ''))), 60)",
		unlock:    "SELECT RELEASE_LOCK(CONCAT('fanfare_apps.', MD5(COALESCE(DATABASE(), ''))))",
		hasTables: "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '" + migrationsTable + "'",
	},
}

//go:embed migrations
var migrations embed.FS

func (d dialect) migrations() (fs.FS, error) { return fs.Sub(migrations, "migrations/"+d.name) }

// bind writes the placeholders of a query as the database has them.
func (d dialect) bind(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	n := 0
	for i := range len(query) {
		if query[i] == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteByte(query[i])
	}
	return b.String()
}
