package redis

import (
	"context"
	"errors"
	"time"
)

// Bounds of the wait before a lost connection is made again; it grows with the
// number of failures.
const (
	leastWait = 100 * time.Millisecond
	mostWait  = 2 * time.Second
)

// site is a server of a fleet. Its address is "" for the single configured server.
type site struct {
	address string
	end     context.CancelFunc
	conn    *conn // nil while there is none
}

// keep keeps a connection to a server until ctx is done.
func (f *fleet) keep(ctx context.Context, fail context.CancelCauseFunc, s *site) {
	for wait := leastWait; ; wait = min(2*wait, mostWait) {
		c, err := f.e.connect(ctx, s.address, f.of(s))
		if err == nil {
			wait = leastWait
			err = f.serve(ctx, s, c)
		} else if unfit := (*unfitError)(nil); errors.As(err, &unfit) && !f.wasUsed() {
			fail(err)
			return
		}
		f.refresh()
		if !f.pause(ctx, err, s.address, wait) {
			return
		}
	}
}

// serve lends a connection until it breaks, and returns why it did.
func (f *fleet) serve(ctx context.Context, s *site, c *conn) error {
	f.e.cfg.Logger.Info("connected to the cluster's redis", "address", c.address, "version", c.version, "run", c.run)
	f.set(s, c)
	select {
	case <-c.ctx.Done():
	case <-ctx.Done():
		c.fail(ctx.Err())
	}
	f.set(s, nil)
	c.users.Wait()
	c.close()
	return c.cause()
}

func (f *fleet) set(s *site, c *conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.conn = c
	if f.all() {
		f.used, f.trouble = true, ""
	}
	f.wake()
}

// pause waits, and reports whether to continue.
func (f *fleet) pause(ctx context.Context, why error, address string, wait time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	f.mu.Lock()
	f.trouble = why.Error()
	f.mu.Unlock()
	about := []any{"reason", why.Error()}
	if address != "" {
		about = append(about, "address", address)
	}
	f.e.cfg.Logger.Warn("the cluster's redis cannot be reached, trying again", about...)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait/2 + time.Duration(random()%uint64(wait/2))):
		return true
	}
}
