//go:build !linux

package bench

import (
	"io"

	"fanfare/bench/client"
)

// ServeBare is the process that Bare measures, on Linux.
func ServeBare(io.Reader, io.Writer, int, int) error { return client.ErrSystem }
