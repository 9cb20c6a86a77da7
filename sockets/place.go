package sockets

import "sync/atomic"

// share is what a loop has of the server's connections. Any goroutine reads it.
type share struct {
	_       [64]byte     // keep two loops off one cache line
	conns   atomic.Int64 // placed on the loop and not ended, requests included
	sockets atomic.Int64 // of these, WebSockets and HTTP sessions
	busy    atomic.Int64 // writes to sockets in the last second
	_       [64]byte
}

// place chooses the loop of a new connection and counts it there. The kernel
// wakes the same loop first for each connection that comes alone, so the loop
// that accepts a connection is no good choice: the one with the fewest gets it.
// own, which may be nil, has the connection in hand. In a crowd it keeps what it
// accepts as long as it has hardly more than the others, because to hand a
// connection over costs more than to accept it.
func (s *Server) place(own *loop, crowd bool) *loop {
	best := own
	for _, l := range s.loops {
		if best == nil || l.lighter(best) {
			best = l
		}
	}
	if crowd && best != own && own.nearly(best) {
		best = own
	}
	best.share.conns.Add(1)
	return best
}

// fewAccepted is how many connections a loop accepts in a second that are no
// crowd.
const fewAccepted = 256

// busyUnit is by how many writes a second loops differ that are not equally
// busy.
const busyUnit = 64

// lighter reports whether the loop is a better place than another: it keeps up
// with its mail and the other does not, or it has fewer connections, or it has
// as many and writes less.
func (l *loop) lighter(than *loop) bool {
	if a, b := l.mail.congested(), than.mail.congested(); a != b {
		return b
	}
	if a, b := l.share.conns.Load(), than.share.conns.Load(); a != b {
		return a < b
	}
	return l.share.busy.Load()/busyUnit < than.share.busy.Load()/busyUnit
}

// nearly reports whether the loop has hardly more connections than the one with
// the fewest, and keeps up with its mail.
func (l *loop) nearly(least *loop) bool {
	const slack, few = 16, 2
	n := least.share.conns.Load()
	return l.share.conns.Load() <= n+n/slack+few && (!l.mail.congested() || least.mail.congested())
}

// measure says how busy the loop was in the second that ends.
func (l *loop) measure() {
	l.accepted = 0
	writes := l.counters.Writes.Load()
	l.share.busy.Store(int64(writes - l.wrote))
	l.wrote = writes
}

// LoopSockets returns the number of sockets of each loop.
func (s *Server) LoopSockets() []int {
	list := make([]int, len(s.loops))
	for i, l := range s.loops {
		list[i] = int(l.share.sockets.Load())
	}
	return list
}
