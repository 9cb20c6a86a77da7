package sockets

import "fanfare/channels"

// framePool keeps the slices of busy queues for reuse within a loop.
type framePool struct {
	free  [][]*channels.Frame
	spare int // the fewest that were free since shrink
	slow  int // queues that are in an account
}

const (
	pooledFrames = 16   // capacity of a pooled slice
	pooledSlices = 4096 // most that are kept
)

func (p *framePool) grow(frames []*channels.Frame) []*channels.Frame {
	var bigger []*channels.Frame
	if n := len(p.free); len(frames) < pooledFrames && n > 0 {
		bigger = p.free[n-1]
		p.free[n-1] = nil
		p.free = p.free[:n-1]
		p.spare = min(p.spare, n-1)
	} else {
		bigger = make([]*channels.Frame, 0, max(pooledFrames, 2*len(frames)))
	}
	bigger = append(bigger, frames...)
	if cap(frames) > 2 {
		p.put(frames)
	}
	return bigger
}

func (p *framePool) put(frames []*channels.Frame) {
	if cap(frames) > 16*pooledFrames || len(p.free) >= pooledSlices {
		return
	}
	clear(frames[:cap(frames)])
	p.free = append(p.free, frames[:0])
}

// shrink gives up half of the slices that nobody has needed since it was called
// last: what a storm has left is gone after some calls.
func (p *framePool) shrink() {
	n := len(p.free) - (p.spare+1)/2
	clear(p.free[n:])
	p.free = p.free[:n]
	if n == 0 {
		p.free = nil
	}
	p.spare = n
}
