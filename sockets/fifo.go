package sockets

import "slices"

// fifo is a queue of pointers. The zero value is empty. It belongs to a loop.
type fifo[T any] struct {
	items []T
	first int
}

func (q *fifo[T]) len() int { return len(q.items) - q.first }

func (q *fifo[T]) push(v T) {
	if len(q.items) == cap(q.items) && q.first > len(q.items)/2 {
		left := copy(q.items, q.items[q.first:])
		clear(q.items[left:])
		q.items, q.first = q.items[:left], 0
	}
	q.items = append(q.items, v)
}

// unshift puts v before all others.
func (q *fifo[T]) unshift(v T) {
	if q.first == 0 {
		q.items = slices.Insert(q.items, 0, v)
		return
	}
	q.first--
	q.items[q.first] = v
}

// mostKept is the largest capacity that an empty fifo keeps: each app has two.
const mostKept = 4 << 10

func (q *fifo[T]) pop() T {
	var none T
	v := q.items[q.first]
	q.items[q.first] = none
	if q.first++; q.first < len(q.items) {
		return v
	}
	if q.items, q.first = q.items[:0], 0; cap(q.items) > mostKept {
		q.items = nil
	}
	return v
}
