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

// dialect holds the differences between databases.
type dialect struct {
	name      string
	goose     goose.Dialect
	open      func(dsn string) (*sql.DB, error)
	numbered  bool           // placeholders are $1, $2 and not ?
	snapshot  *sql.TxOptions // of a transaction that reads one snapshot
	change    *sql.TxOptions // of a transaction that waits for other writers and sees their changes
	notify    string         // statement that notifies the nodes; "" if the database has none
	lock      string         // statement that takes the lock of migrations; "" if there is none
	unlock    string
	hasTables string // query: 1 if the table of migrations exists, else 0
}

// notifyChannel is the channel of PostgreSQL's notifications.
const notifyChannel = "fanfare_apps"

var dialects = map[string]dialect{
	"sqlite": {
		name: "sqlite", goose: goose.DialectSQLite3, open: openSQLite,
		snapshot:  &sql.TxOptions{ReadOnly: true}, // does not take the writers' lock
		hasTables: "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '" + migrationsTable + "'",
	},
	"postgres": {
		name: "postgres", goose: goose.DialectPostgres, open: openPostgres, numbered: true,
		snapshot:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		change:    &sql.TxOptions{Isolation: sql.LevelReadCommitted}, // at stricter levels it would fail instead of waiting
		notify:    "SELECT pg_notify('" + notifyChannel + "', '')",
		lock:      "SELECT pg_advisory_lock(724160301)",
		unlock:    "SELECT pg_advisory_unlock(724160301)",
		hasTables: "SELECT COUNT(*) FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = '" + migrationsTable + "'",
	},
	"mysql": { // the name of a lock has at most 64 characters, as many as that of a database: hence MD5
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

// bind replaces the placeholders of a query by those of the database.
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
