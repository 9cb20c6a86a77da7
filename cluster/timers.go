package cluster

import (
	"container/heap"
	"time"
)

// timers are functions that are due at some time. Whoever holds the lock of
// their partition may use them; they run under it.
type timers struct {
	heap timerHeap
	made uint64
}

type timer struct {
	at    time.Time
	order uint64 // of timers of one moment the one that was made first runs first
	run   func(now time.Time)
}

// at has f run once, at t or soon after.
func (t *timers) at(due time.Time, f func(now time.Time)) {
	t.made++
	heap.Push(&t.heap, timer{due, t.made, f})
}

// run runs what is due.
func (t *timers) run(now time.Time) {
	for len(t.heap) > 0 && !now.Before(t.heap[0].at) {
		heap.Pop(&t.heap).(timer).run(now)
	}
}

type timerHeap []timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].order < h[j].order
	}
	return h[i].at.Before(h[j].at)
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = timer{}
	*h = old[:len(old)-1]
	if len(*h) == 0 {
		*h = nil
	}
	return last
}
