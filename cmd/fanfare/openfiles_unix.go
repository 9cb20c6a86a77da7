//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// raiseOpenFiles sets the soft limit of open files to the hard one and returns
// the limit in force. Each socket is an open file.
func raiseOpenFiles() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read RLIMIT_NOFILE: %w", err)
	}
	if limit.Cur >= limit.Max {
		return uint64(limit.Cur), nil
	}
	raised := limit
	raised.Cur = raised.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err != nil {
		return uint64(limit.Cur), fmt.Errorf("raise RLIMIT_NOFILE to %d: %w", raised.Cur, err)
	}
	return uint64(raised.Cur), nil
}

// openFiles returns the limit in force, 0 if it is unknown.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Cur)
}
