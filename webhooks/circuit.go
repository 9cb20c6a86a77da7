package webhooks

import "time"

// openAfter is how many attempts in a row must fail for an endpoint to count
// as down.
const openAfter = 5

// circuit decides when a failing endpoint is tried again. It counts failures of
// the endpoint and not of a request: the request that follows a dropped one
// does not start with short waits again, so an endpoint that is down is tried
// once a minute until it answers.
type circuit struct {
	retry    Retry
	random   func() float64
	failures int // in a row
}

// fail records a failed attempt. It returns how long to wait before the next,
// and whether this failure made the endpoint count as down.
func (c *circuit) fail() (wait time.Duration, opened bool) {
	wait = c.retry.Most
	if c.failures < 30 {
		wait = min(wait, c.retry.First<<c.failures)
	}
	c.failures++
	return time.Duration(float64(wait) * (0.8 + 0.4*c.random())), c.failures == openAfter
}

// succeed records a delivery and reports whether the endpoint was down.
func (c *circuit) succeed() (closed bool) {
	closed = c.failures >= openAfter
	c.failures = 0
	return closed
}
