//go:build unix

package sockets

import (
	"errors"
	"math"

	"golang.org/x/sys/unix"
)

// scarce reports whether descriptors run short, by the number that the next one
// would have.
func (s *Server) scarce() bool {
	if s.cfg.Capacity.ScarceFrom == 0 {
		return false
	}
	next := math.MaxInt
	if fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0); err == nil {
		next = fd
		_ = unix.Close(fd)
	} else if !outOfDescriptors(err) {
		return false // there is no descriptor 0 to ask with
	}
	return next >= s.cfg.Capacity.ScarceFrom
}

func outOfDescriptors(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
}
