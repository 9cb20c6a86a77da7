//go:build unix

package sockets

import (
	"errors"
	"math"

	"golang.org/x/sys/unix"
)

// scarce reports whether descriptors are scarce, judged by the number that the next
// one would get.
func (s *Server) scarce() bool {
	if s.cfg.Capacity.ScarceFrom == 0 {
		return false
	}
	next := math.MaxInt
	if fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0); err == nil {
		next = fd
		_ = unix.Close(fd)
	} else if !outOfDescriptors(err) {
		return false // descriptor 0 is closed and cannot be duplicated
	}
	return next >= s.cfg.Capacity.ScarceFrom
}

func outOfDescriptors(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
}
