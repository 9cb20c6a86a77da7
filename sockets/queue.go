package sockets

import (
	"fanfare/channels"
	"fanfare/internal/account"
)

// queue holds the frames of a connection that the kernel has not accepted yet. Two
// frames need no separate slice, so an idle connection has none.
type queue struct {
	frames  []*channels.Frame
	inline  [2]*channels.Frame
	account *account.Account // in which the queue is entered; nil unless the reader is slow
	offset  int32            // bytes of frames[0] that the kernel has accepted
	flying  int32            // number of frames in flight
	bytes   int              // not accepted by the kernel yet
	flight  int              // of these, bytes that are being written
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

// The queue of a slow reader is entered in an account with the memory that it takes:
// its slice, and the frames that are in no other such queue. An event that waits for a
// thousand readers counts once.

// enter enters the queue in an account, unless it already is in one.
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

// leave takes the queue and its frames out of the account.
func (q *queue) leave(pool *framePool) {
	if q.account == nil {
		return
	}
	q.drop(q.frames)
	q.account.Release(account.Queues, q.own())
	q.account = nil
	pool.slow--
}

// own returns the bytes of memory of the queue's separate slice.
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

// drop takes frames that the queue is about to release out of the account.
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

// reset drops all frames and returns the slice to the pool.
func (q *queue) reset(pool *framePool) {
	q.leave(pool)
	clear(q.frames)
	if cap(q.frames) > len(q.inline) {
		pool.put(q.frames)
	}
	*q = queue{}
}

// depart marks the first n bytes as in flight, until taken or remain is called.
func (q *queue) depart(n int) {
	q.flight = n
	for left := n + int(q.offset); left > 0; q.flying++ {
		left -= len(q.frames[q.flying].Bytes())
	}
}

// remain undoes depart: nothing was written.
func (q *queue) remain() { q.flight, q.flying = 0, 0 }

// waiting returns how many bytes are not in flight.
func (q *queue) waiting() int { return q.bytes - q.flight }

// behind returns how many bytes wait after those in flight or, if that is further, after
// the first frame: a single frame is never above the limit, however long it is.
func (q *queue) behind() int {
	if len(q.frames) == 0 {
		return 0
	}
	return q.bytes - max(q.flight, len(q.frames[0].Bytes())-int(q.offset))
}

// frameCost is about how many bytes of memory a frame takes besides its content. A pong
// of two bytes takes thirty times its length.
const frameCost = 64

// over reports whether more than limit bytes wait, or so many frames that their
// frameCost is above limit.
func (q *queue) over(limit int) bool {
	return q.behind() > limit || len(q.frames)-int(q.flying) > limit/frameCost
}

// cut drops all frames except those that are partly written or in flight, which must
// be completed.
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
