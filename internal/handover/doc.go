// Package handover lets a process start its own successor and pass its listeners
// to it, so that no connection is refused meanwhile: the kernel queues new
// connections until one of the two processes accepts them. The package handles
// processes, descriptors and the lines that both processes exchange. cmd/fanfare
// decides when each of them accepts.
//
// The environment variable Variable describes the listeners to the successor.
// Each process writes lines to a pipe that the other reads:
//
//	successor    prepared         all that can fail has been tried
//	predecessor  go               the predecessor no longer accepts
//	successor    serving          the successor accepts
//	successor    failed: REASON   instead of prepared or serving
package handover

import (
	"errors"
	"net"
)

// Variable is the environment variable that lists the inherited listeners as
// JSON: for each its name, its configured address, and whether the file of a Unix
// socket is passed on with it. Its prefix differs from that of the variables of
// the configuration.
const Variable = "_FANFARE_INHERITS"

// Passed is a listener that is passed to the successor.
type Passed struct {
	Name     string
	Listener net.Listener
	// At is the address in the configuration. The address of Listener may differ,
	// if a supervisor has opened it.
	At string
	// Own is true for a Unix socket whose file the successor must remove. The
	// files of sockets that systemd opened are left to systemd.
	Own bool
}

// The lines that the processes exchange.
const (
	linePrepared = "prepared"
	lineServing  = "serving"
	lineGo       = "go"
	failedPrefix = "failed: "
)

// ErrUnsupported is returned on systems where processes cannot pass on listeners.
var ErrUnsupported = errors.New("this system cannot pass listeners from one process to another")

// errSilent reports that the other process ended without a line.
var errSilent = errors.New("the process ended, or closed its pipe, without a message")
