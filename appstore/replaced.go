package appstore

import (
	"fmt"
	"os"
)

// replaced reports whether the file of SQLite is another than at the last call, as
// after a copy was put in its place. Connections that are open would go on with
// the file of before, and the numbers of its changes mean nothing in the other.
func (s *Store) replaced() (bool, error) {
	if s.dialect.name != "sqlite" {
		return false, nil
	}
	_, path, err := sqliteFile(s.dsn)
	if err != nil {
		return false, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, fmt.Errorf("read the app store: %w", err)
	}
	before := s.file.Swap(&info)
	if before == nil || os.SameFile(*before, info) {
		return false, nil
	}
	s.db.SetMaxIdleConns(-1) // closes those that are open
	s.db.SetMaxIdleConns(mostIdle)
	return true, nil
}
