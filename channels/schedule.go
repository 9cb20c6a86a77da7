package channels

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// schedule runs functions at given times, one after the other. It is for the
// few deadlines of channels and users, not for those of connections.
type schedule struct {
	now  func() time.Time
	wake chan struct{}
	mu   sync.Mutex
	due  dueHeap
}

// due is a function and the time at which it is to run.
type due struct {
	at    time.Time
	run   func()
	place int // index in the heap; -1 if it is not scheduled
}

func newSchedule(now func() time.Time) *schedule {
	return &schedule{now: now, wake: make(chan struct{}, 1)}
}

// at runs f once, at t or soon after, on the goroutine of run.
func (s *schedule) at(t time.Time, f func()) {
	s.move(&due{run: f, place: -1}, t)
}

// move schedules d for t, whether it is scheduled already or not.
func (s *schedule) move(d *due, t time.Time) {
	s.mu.Lock()
	d.at = t
	if d.place < 0 {
		heap.Push(&s.due, d)
	} else {
		heap.Fix(&s.due, d.place)
	}
	first := s.due[0].at.Equal(t)
	s.mu.Unlock()
	if first {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// cancel removes d from the schedule, unless it is already running.
func (s *schedule) cancel(d *due) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.place >= 0 {
		heap.Remove(&s.due, d.place)
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

// runDue runs what is due and returns the time until the next deadline, at most an hour.
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
		next := heap.Pop(&s.due).(*due)
		s.mu.Unlock()
		next.run()
	}
}

type dueHeap []*due

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *dueHeap) Push(x any) {
	d := x.(*due)
	d.place = len(*h)
	*h = append(*h, d)
}

func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	last.place = -1
	*h = shorten(*h)
	return last
}
