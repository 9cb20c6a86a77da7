package webhooks

import "time"

// openAfter is how many attempts in a row must fail for an endpoint to count
// as down.
const openAfter = 5

// circuit decides when an endpoint that fails is tried again. Its failures are
// those of the endpoint, whichever request met them: a request that follows a
// dropped one does not start over with short waits, so an endpoint that is
// down is asked once a minute until it answers.
type circuit struct {
	retry    Retry
	random   func() float64
	failures int // in a row
}

// fail notes a failed attempt and returns how long to wait for the next, and
// whether this one made the endpoint count as down.
func (c *circuit) fail() (wait time.Duration, opened bool) {
	wait = c.retry.Most
	if c.failures < 30 {
		wait = min(wait, c.retry.First<<c.failures)
	}
	c.failures++
	return time.Duration(float64(wait) * (0.8 + 0.4*c.random())), c.failures == openAfter
}

// succeed notes a delivery, and reports whether the endpoint was down.
func (c *circuit) succeed() (closed bool) {
	closed = c.failures >= openAfter
	c.failures = 0
	return closed
}
