package redis

import "time"

// seldomEvery is the minimum time between two log lines of one kind that each
// request could cause.
const seldomEvery = 10 * time.Second

// seldom limits how often such a line is written. It belongs to one goroutine.
type seldom struct{ last time.Time }

// due reports whether the line may be written now, and records that it is.
func (s *seldom) due() bool {
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < seldomEvery {
		return false
	}
	s.last = now
	return true
}
