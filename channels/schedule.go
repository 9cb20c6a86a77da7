package channels

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// schedule runs functions at their time, one after the other. It is for the
// few deadlines of channels and users, not for those of connections.
type schedule struct {
	now  func() time.Time
	wake chan struct{}
	mu   sync.Mutex
	due  dueHeap
}

type due struct {
	at  time.Time
	run func()
}

func newSchedule(now func() time.Time) *schedule {
	return &schedule{now: now, wake: make(chan struct{}, 1)}
}

// at has f run once, at t or soon after, on the goroutine of run.
func (s *schedule) at(t time.Time, f func()) {
	s.mu.Lock()
	heap.Push(&s.due, due{t, f})
	first := s.due[0].at.Equal(t)
	s.mu.Unlock()
	if first {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// run blocks until ctx is done.
func (s *schedule) run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(s.runDue())
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// runDue runs what is due and returns how long nothing more is.
func (s *schedule) runDue() time.Duration {
	for {
		now := s.now()
		s.mu.Lock()
		if len(s.due) == 0 {
			s.due = nil
			s.mu.Unlock()
			return time.Hour
		}
		if wait := s.due[0].at.Sub(now); wait > 0 {
			s.mu.Unlock()
			return wait
		}
		next := heap.Pop(&s.due).(due)
		s.mu.Unlock()
		next.run()
	}
}

type dueHeap []due

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(due)) }
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = due{}
	rest := old[:len(old)-1]
	if cap(rest) > roomy && len(rest) < cap(rest)/4 {
		rest = append(make(dueHeap, 0, 2*len(rest)), rest...)
	}
	*h = rest
	return last
}
