// Package handover lets a process start its own successor and pass its listeners
// on to it, so that no connection is refused meanwhile: the kernel keeps who
// connects until one of the two accepts. It knows of processes, descriptors and
// the few lines that both write to each other, and nothing of what is served.
// cmd/fanfare decides when either of them accepts.
//
// The successor finds the listeners by the variable Variable of its environment.
// Each process writes lines to a pipe that the other reads:
//
//	successor    prepared         all that can fail has been tried
//	predecessor  go               nobody accepts any more: it is your turn
//	successor    serving
//	successor    failed: REASON   in place of either line
package handover

import (
	"errors"
	"net"
)

// Variable is the environment variable that tells a process what it inherits:
// JSON, a list of names and of who removes the file of a Unix socket. It does
// not begin as the variables of the configuration do.
const Variable = "_FANFARE_INHERITS"

// Passed is a listener that changes hands.
type Passed struct {
	Name     string
	Listener net.Listener
	// At is where it was configured to listen. What it listens on does not tell: a
	// supervisor may have opened it.
	At string
	// Own is true for a Unix socket whose file goes with the listener. systemd
	// keeps the files of those that it opened.
	Own bool
}

// Lines of the two processes.
const (
	linePrepared = "prepared"
	lineServing  = "serving"
	lineGo       = "go"
	failedPrefix = "failed: "
)

// ErrUnsupported is returned where processes cannot pass listeners on.
var ErrUnsupported = errors.New("this system cannot pass listeners from one process to another")

// errSilent is the end of a process that said nothing.
var errSilent = errors.New("the process ended, or closed its pipe, without a message")
