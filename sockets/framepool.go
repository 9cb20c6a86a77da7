package sockets

import "fanfare/channels"

// framePool keeps the slices of busy queues for reuse within a loop.
type framePool struct {
	free  [][]*channels.Frame
	spare int // the minimum of len(free) since the last shrink
	slow  int // number of queues that are entered in an account
}

const (
	pooledFrames = 16   // capacity of a pooled slice
	pooledSlices = 4096 // maximum number of slices kept
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

// shrink frees half of the slices that were not needed since the last call, so that
// the memory of a burst is freed after a few calls.
func (p *framePool) shrink() {
	n := len(p.free) - (p.spare+1)/2
	clear(p.free[n:])
	p.free = p.free[:n]
	if n == 0 {
		p.free = nil
	}
	p.spare = n
}
