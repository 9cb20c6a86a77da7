package appstore

import (
	"fmt"
	"os"
)

// replaced reports whether SQLite's file is another one than at the last call, for
// example because a backup was restored. Open connections would continue with the
// previous file, and its sequence numbers are not valid in the new one.
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
	s.db.SetMaxIdleConns(-1) // closes the idle connections
	s.db.SetMaxIdleConns(mostIdle)
	return true, nil
}
