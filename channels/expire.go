package channels

import (
	"container/heap"
	"time"
)

// since is what time it is.
func (m *memory) since() time.Duration { return m.now().Sub(m.began) }

// wait has a log that has events looked after by the stripe's deadline. The caller
// holds the lock, and calls await.
func (st *memoryStripe) wait(l *eventLog) {
	expiry := l.expiry(l.get(0))
	switch {
	case l.place < 0:
		l.due = expiry
		heap.Push(&st.waiting, l)
	case expiry < l.due: // events are kept for a shorter time than they were
		l.due = expiry
		heap.Fix(&st.waiting, int(l.place))
	}
}

// await has the stripe's deadline come when its first log is due. The caller holds
// the lock.
func (m *memory) await(st *memoryStripe) {
	if len(st.waiting) == 0 {
		if st.deadline != nil {
			m.schedule.cancel(st.deadline)
		}
		st.armed = false
		return
	}
	first := st.waiting[0].due
	if st.deadline == nil {
		st.deadline = &due{run: func() { m.expire(st) }, place: -1}
	} else if st.armed && st.deadlineAt == first {
		return
	}
	st.armed, st.deadlineAt = true, first
	m.schedule.move(st.deadline, m.began.Add(first))
}

// expire drops the events whose time is over. If they are many it comes again for
// the rest.
func (m *memory) expire(st *memoryStripe) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.armed = false
	now := m.since()
	for left := expireAtOnce; left > 0 && len(st.waiting) > 0 && st.waiting[0].due <= now; {
		l := st.waiting[0]
		dropped := st.outdate(l, now, left)
		left -= max(dropped, 1)
		if l.n == 0 {
			st.emptied(l)
			continue
		}
		l.due = l.expiry(l.get(0))
		heap.Fix(&st.waiting, 0)
	}
	m.await(st)
}

// outdate drops the events of a log whose time is over, most at most, and returns
// how many. The caller holds the lock, and calls emptied if none is left.
func (st *memoryStripe) outdate(l *eventLog, now time.Duration, most int) (n int) {
	for ; n < most && l.n > 0 && l.expiry(l.get(0)) <= now; n++ {
		st.drop(l, dropTTL)
	}
	return n
}

// waiting is the logs of a stripe that have events, in the order of due.
type waiting []*eventLog

func (w waiting) Len() int           { return len(w) }
func (w waiting) Less(i, j int) bool { return w[i].due < w[j].due }

func (w waiting) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].place, w[j].place = int32(i), int32(j)
}

func (w *waiting) Push(x any) {
	l := x.(*eventLog)
	l.place = int32(len(*w))
	*w = append(*w, l)
}

func (w *waiting) Pop() any {
	last := (*w)[len(*w)-1]
	last.place = -1
	*w = shorten(*w)
	return last
}
