package sockets

import "golang.org/x/sys/unix"

// received reports whether a socket has unread bytes.
func received(fd int) bool {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	return err == nil && n > 0
}
