package sockets

import (
	"fanfare/channels"
	"fanfare/internal/account"
)

// queue is the frames a connection has not handed to the kernel yet. Two fit
// without a slice of their own, so an idle connection owns none.
type queue struct {
	frames  []*channels.Frame
	inline  [2]*channels.Frame
	account *account.Account // in which it is entered; nil unless its reader is slow
	offset  int32            // bytes of frames[0] that the kernel has
	flying  int32            // frames in flight
	bytes   int              // not yet taken by the kernel
	flight  int              // of these, in the hands of a writer
}

// push adds a frame; longer slices come from the loop's pool.
func (q *queue) push(f *channels.Frame, pool *framePool) {
	switch {
	case q.frames == nil:
		q.frames = q.inline[:0]
	case len(q.frames) == cap(q.frames):
		before := q.own()
		q.frames = pool.grow(q.frames)
		if q.account != nil {
			q.account.Resize(account.Queues, q.own()-before)
		}
	}
	q.frames = append(q.frames, f)
	q.bytes += len(f.Bytes())
	if q.account != nil {
		q.hold(f)
	}
}

// A queue whose reader is slow is entered in an account, with what it really
// takes: its slice, and frames that no other such queue has. An event that waits
// for a thousand readers takes its memory once.

// enter enters the queue, unless it is.
func (q *queue) enter(a *account.Account, pool *framePool) {
	if q.account != nil {
		return
	}
	q.account = a
	pool.slow++
	a.Hold(account.Queues, q.own())
	for _, f := range q.frames {
		q.hold(f)
	}
}

// leave takes the queue out of its account, with the frames that are in it.
func (q *queue) leave(pool *framePool) {
	if q.account == nil {
		return
	}
	q.drop(q.frames)
	q.account.Release(account.Queues, q.own())
	q.account = nil
	pool.slow--
}

// own is the memory of the queue's own slice.
func (q *queue) own() int {
	if cap(q.frames) <= len(q.inline) {
		return 0
	}
	return cap(q.frames) * 8
}

func (q *queue) hold(f *channels.Frame) {
	if f.Wait() {
		q.account.Resize(account.Queues, f.Size())
	}
}

// drop takes frames out of the account that the queue is about to give up.
func (q *queue) drop(frames []*channels.Frame) {
	if q.account == nil {
		return
	}
	for _, f := range frames {
		if f.Waited() {
			q.account.Resize(account.Queues, -f.Size())
		}
	}
}

// gather returns what to write next: the bytes of one frame, or as many whole
// frames as fit into scratch.
func (q *queue) gather(scratch []byte) []byte {
	first := q.frames[0].Bytes()[q.offset:]
	if len(q.frames) == 1 || len(first) >= len(scratch) {
		return first
	}
	n := copy(scratch, first)
	for _, f := range q.frames[1:] {
		b := f.Bytes()
		if n+len(b) > len(scratch) {
			break
		}
		n += copy(scratch[n:], b)
	}
	return scratch[:n]
}

// taken removes n bytes that were written and returns how many frames ended
// within them.
func (q *queue) taken(n int, pool *framePool) (frames int) {
	q.bytes -= n
	q.flight, q.flying = 0, 0
	n += int(q.offset)
	i := 0
	for i < len(q.frames) && n >= len(q.frames[i].Bytes()) {
		n -= len(q.frames[i].Bytes())
		i++
	}
	q.offset = int32(n)
	if i == len(q.frames) {
		q.reset(pool)
		return i
	}
	q.drop(q.frames[:i])
	left := copy(q.frames, q.frames[i:])
	clear(q.frames[left:])
	q.frames = q.frames[:left]
	return i
}

// reset drops everything and gives the slice back.
func (q *queue) reset(pool *framePool) {
	q.leave(pool)
	clear(q.frames)
	if cap(q.frames) > len(q.inline) {
		pool.put(q.frames)
	}
	*q = queue{}
}

// depart has the first n bytes in flight: taken says when they have arrived.
func (q *queue) depart(n int) {
	q.flight = n
	for left := n + int(q.offset); left > 0; q.flying++ {
		left -= len(q.frames[q.flying].Bytes())
	}
}

// remain takes depart back: nothing was written.
func (q *queue) remain() { q.flight, q.flying = 0, 0 }

// waiting is the bytes that nobody has begun to write.
func (q *queue) waiting() int { return q.bytes - q.flight }

// behind is the bytes that wait behind what is being written, or the frame
// that is next: one frame is never too much, however long it is.
func (q *queue) behind() int {
	if len(q.frames) == 0 {
		return 0
	}
	return q.bytes - max(q.flight, len(q.frames[0].Bytes())-int(q.offset))
}

// frameCost is about what a frame takes in memory beside its bytes. A pong of
// two bytes takes thirty times its length.
const frameCost = 64

// over reports whether more is behind than limit, counting no frame for less
// than it takes.
func (q *queue) over(limit int) bool {
	return q.behind() > limit || len(q.frames)-int(q.flying) > limit/frameCost
}

// cut drops all frames but those that are partly written or being written,
// which must be finished.
func (q *queue) cut() {
	keep := int(q.flying)
	if q.offset > 0 {
		keep = max(keep, 1)
	}
	for _, f := range q.frames[keep:] {
		q.bytes -= len(f.Bytes())
	}
	q.drop(q.frames[keep:])
	clear(q.frames[keep:])
	q.frames = q.frames[:keep]
}
