//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// checkOwner refuses a folder that others could have put there or write to.
func checkOwner(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s must be a folder that only this user can access", dir)
	}
	return nil
}

// listenPrivate makes a socket that is its user's alone from the start: a mode
// that is set afterwards lets others in before. The mask is the process's; a
// file that is made in the same moment is private too.
func listenPrivate(path string) (net.Listener, error) {
	mask := syscall.Umask(0o177)
	defer syscall.Umask(mask)
	return net.Listen("unix", path)
}
