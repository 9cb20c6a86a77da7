package cluster

import (
	"container/heap"
	"time"
)

// timers are functions to be called at some time. They are used, and called, under
// the lock of their partition.
type timers struct {
	heap timerHeap
	made uint64
}

type timer struct {
	at    time.Time
	order uint64 // of timers due at the same time, the one added first is called first
	run   func(now time.Time)
}

// at schedules f to be called once, at due or soon after.
func (t *timers) at(due time.Time, f func(now time.Time)) {
	t.made++
	heap.Push(&t.heap, timer{due, t.made, f})
}

// run calls the functions that are due.
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
