//go:build hostile && linux

package hostile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// full says that attacks have the numbers of docs/security-attacks.md. Without it the
// long ones are shorter where less shows the same.
var full = os.Getenv("FANFARE_HOSTILE") == "full"

// some is a number for a full attack, or a smaller one.
func some(all, few int) int {
	if full {
		return all
	}
	return few
}

func TestMain(m *testing.M) {
	if plan := os.Getenv(observerOf); plan != "" {
		if err := runObserver(plan); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hostile")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	built.path = filepath.Join(dir, "fanfare")
	// Root may raise the limit of open files; thousands of connections want it.
	limit := unix.Rlimit{Cur: 60000, Max: 60000}
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err == nil && now.Max < limit.Max {
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
	code := m.Run()
	printTable()
	return code
}
