package testkit

import (
	"sync/atomic"
	"time"
)

// Clock is a clock that stands still until it is moved. Its Now fits the Now
// of every Config. Moving it wakes nothing: what waits for a timer sees the new
// time when it looks next.
type Clock struct{ ns atomic.Int64 }

// NewClock returns a clock that shows the given time.
func NewClock(at time.Time) *Clock {
	c := &Clock{}
	c.ns.Store(at.UnixNano())
	return c
}

// Now is the time the clock shows.
func (c *Clock) Now() time.Time { return time.Unix(0, c.ns.Load()) }

// Advance moves the clock on, or back.
func (c *Clock) Advance(d time.Duration) { c.ns.Add(int64(d)) }
