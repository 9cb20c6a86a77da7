package sockets

import (
	"context"
	"sync/atomic"
)

// delivery is something that a loop does for a caller who waits for it. Either
// it is done and the caller hears so, or the caller has given up and it never
// is.
type delivery struct {
	taken atomic.Bool // by the loop, or back by the caller
	done  chan bool
}

func newDelivery() *delivery { return &delivery{done: make(chan bool, 1)} }

// begin tells the loop whether to do it; end has to follow then.
func (d *delivery) begin(ctx context.Context) bool {
	return ctx.Err() == nil && d.taken.CompareAndSwap(false, true)
}

func (d *delivery) end(ok bool) { d.done <- ok }

// wait returns what end was told, or the context's error if it had ended before
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
	return <-d.done, nil // it is being done
}
