//go:build unix

package appstore

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOpen_SQLite_NobodyElseReadsTheSecrets(t *testing.T) {
	for name, address := range map[string]func(file string) string{
		"a path": func(file string) string { return file },
		"a URI":  func(file string) string { return "file:" + file + "?_pragma=synchronous(1)" },
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "apps.db")
			mustCreate(t, open(t, address(file)), app("1"))
			found, err := filepath.Glob(file + "*")
			if err != nil || len(found) == 0 {
				t.Fatal(found, err)
			}
			for _, f := range found {
				if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, %v", f, info.Mode(), err)
				}
			}
		})
	}
}
