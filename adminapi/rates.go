package adminapi

import (
	"net/http"
	"sync"
	"time"
)

// The requests per second that are allowed to one token from one address, and
// how many at once after a pause. A console sends several requests at a time.
const (
	readsPerSecond, mostReads   = 50, 200
	writesPerSecond, mostWrites = 10, 50
)

// rates limits the requests of each caller. The zero value is ready to use.
type rates struct {
	mu      sync.Mutex
	callers map[string]*caller
}

// caller has a token bucket for each kind of request.
type caller struct {
	reads, writes float64
	last          time.Time
}

// take counts a request, or refuses it.
func (r *rates) take(name string, write bool, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.callers == nil {
		r.callers = make(map[string]*caller)
	}
	c := r.callers[name]
	if c == nil {
		if len(r.callers) >= mostAddresses {
			forgetOldest(r.callers, func(c *caller) time.Time { return c.last })
		}
		c = &caller{reads: mostReads, writes: mostWrites, last: now}
		r.callers[name] = c
	}
	passed := max(0, now.Sub(c.last).Seconds())
	c.last = now
	c.reads = min(mostReads, c.reads+passed*readsPerSecond)
	c.writes = min(mostWrites, c.writes+passed*writesPerSecond)
	left := &c.reads
	if write {
		left = &c.writes
	}
	if *left < 1 {
		return &Error{http.StatusTooManyRequests, "too_many_requests", "too many requests; wait a second"}
	}
	*left--
	return nil
}
