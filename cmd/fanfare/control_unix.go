//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// checkOwner returns an error for a folder that another user owns or can write to.
func checkOwner(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a folder that only this user owns and can write to", dir)
	}
	return nil
}

// listenPrivate creates a socket that only its user can open. It sets the umask,
// since a chmod after the socket exists would let others connect before. The umask
// applies to the whole process: a file created at the same moment is private too.
func listenPrivate(path string) (net.Listener, error) {
	mask := syscall.Umask(0o177)
	defer syscall.Umask(mask)
	return net.Listen("unix", path)
}
