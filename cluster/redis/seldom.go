package redis

import "time"

// seldomEvery is the time between two lines of one kind that each request could
// have written.
const seldomEvery = 10 * time.Second

// seldom bounds how often such a line is written. It belongs to one goroutine.
type seldom struct{ last time.Time }

// due reports whether the line may be written now, and takes it as written.
func (s *seldom) due() bool {
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < seldomEvery {
		return false
	}
	s.last = now
	return true
}
