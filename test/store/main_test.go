//go:build store && linux

package store

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var (
	databases []*database
	binary    string // of fanfare
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "fanfare-store-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	binary = filepath.Join(folder, "fanfare")
	if out, err := exec.Command("go", "build", "-o", binary, "fanfare/cmd/fanfare").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build fanfare: %w\n%s", err, out)
	}
	kinds := []string{"postgres", "mysql"}
	made, errs := make([]*database, len(kinds)), make([]error, len(kinds))
	var wg sync.WaitGroup
	for i, kind := range kinds {
		wg.Go(func() { made[i], errs[i] = newDatabase(kind) })
	}
	wg.Wait()
	for i, d := range made {
		if d != nil {
			defer d.remove()
		}
		if errs[i] != nil {
			return 1, errs[i]
		}
	}
	databases = made
	return m.Run(), nil
}
