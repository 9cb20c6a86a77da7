//go:build !unix

package handover

import (
	"context"
	"net"
)

// Successor is never made on this system.
type Successor struct{ PID int }

// Start returns ErrUnsupported.
func Start(string, []string, []string, []Passed) (*Successor, error) { return nil, ErrUnsupported }

// Prepared is never called.
func (*Successor) Prepared(context.Context) error { return ErrUnsupported }

// Go is never called.
func (*Successor) Go(context.Context) error { return ErrUnsupported }

// Abort is never called.
func (*Successor) Abort() {}

// Release is never called.
func (*Successor) Release() {}

// Inheritance is always nil on this system.
type Inheritance struct{}

// Inherited returns nil: nothing can be inherited.
func Inherited() (*Inheritance, error) { return nil, nil }

// Take returns nil.
func (*Inheritance) Take(string) (net.Listener, bool) { return nil, false }

// At returns nothing.
func (*Inheritance) At(string) string { return "" }

// Rest does nothing.
func (*Inheritance) Rest() {}

// Prepared is never called.
func (*Inheritance) Prepared(context.Context) error { return ErrUnsupported }

// Serving is never called.
func (*Inheritance) Serving() {}

// Failed returns the reason.
func (*Inheritance) Failed(reason error) error { return reason }
