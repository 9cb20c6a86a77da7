package sockets

import (
	"context"
	"sync/atomic"
)

// delivery is work that a loop does for a waiting caller. Either the loop does it
// and notifies the caller, or the caller gives up first and the loop never does it.
type delivery struct {
	taken atomic.Bool // by the loop, or by the caller who gives up
	done  chan bool
}

func newDelivery() *delivery { return &delivery{done: make(chan bool, 1)} }

// begin reports whether the loop is to do the work. If so, the loop must call end.
func (d *delivery) begin(ctx context.Context) bool {
	return ctx.Err() == nil && d.taken.CompareAndSwap(false, true)
}

func (d *delivery) end(ok bool) { d.done <- ok }

// wait returns the value passed to end, or the error of ctx if ctx was done before
// the loop began.
func (d *delivery) wait(ctx context.Context) (ok bool, err error) {
	select {
	case ok = <-d.done:
		return ok, nil
	case <-ctx.Done():
	}
	if d.taken.CompareAndSwap(false, true) {
		return false, ctx.Err()
	}
	return <-d.done, nil // the loop has begun
}
