package channels

import (
	"container/heap"
	"time"
)

// since returns the current time as a duration since began.
func (m *memory) since() time.Duration { return m.now().Sub(m.began) }

// wait adds a log that has events to the logs that expire, or updates its position
// among them. The caller holds the lock, and calls await.
func (st *memoryStripe) wait(l *eventLog) {
	expiry := l.expiry(l.get(0))
	switch {
	case l.place < 0:
		l.due = expiry
		heap.Push(&st.waiting, l)
	case expiry < l.due: // the rule's TTL became shorter
		l.due = expiry
		heap.Fix(&st.waiting, int(l.place))
	}
}

// await schedules expire for the time at which the first log of the stripe is due,
// or cancels it. The caller holds the lock.
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

// expire drops expired events, at most expireAtOnce. If there are more, it
// schedules itself again.
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

// outdate drops the expired events of a log, at most most, and returns their
// number. The caller holds the lock, and calls emptied if the log is empty
// afterwards.
func (st *memoryStripe) outdate(l *eventLog, now time.Duration, most int) (n int) {
	for ; n < most && l.n > 0 && l.expiry(l.get(0)) <= now; n++ {
		st.drop(l, dropTTL)
	}
	return n
}

// waiting is a heap of the logs of a stripe that have events, ordered by due.
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
