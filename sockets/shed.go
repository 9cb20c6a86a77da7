package sockets

import (
	"cmp"
	"slices"
)

// While memory is short, the slowest readers are closed before their queues exhaust the
// memory of the process. A loop closes those with the largest queues first, and none
// whose queue is smaller than the mean: at most leastShed of its slow readers, or one in
// shedPart if that is more. Then it waits for shedPause seconds, because the memory is
// only seen to be free after a garbage collection.
const (
	leastShed = 16
	shedPart  = 4
	shedPause = 3
)

// shed closes slow readers of accounts that are full.
func (l *loop) shed() {
	if l.frames.slow == 0 || l.now < l.shedding {
		return
	}
	var slow []*conn
	sum := 0
	l.sockets(func(c *conn) bool {
		if c.state == connOpen && c.queue.account != nil && c.queue.account.Full() {
			slow = append(slow, c)
			sum += c.queue.bytes
		}
		return true
	})
	if len(slow) == 0 {
		return
	}
	slices.SortFunc(slow, func(a, b *conn) int {
		// Among equally large queues, the one whose client has been silent longest.
		return cmp.Or(cmp.Compare(b.queue.bytes, a.queue.bytes), cmp.Compare(a.active, b.active))
	})
	l.shedding = l.now + shedPause
	mean := sum / len(slow)
	for i, c := range slow {
		if i >= max(leastShed, len(slow)/shedPart) || c.queue.bytes < mean {
			return
		}
		c.overflow()
	}
}
