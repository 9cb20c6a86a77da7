package sockets

import "sync/atomic"

// share counts a loop's part of the server's connections. Any goroutine reads it.
type share struct {
	_       [64]byte     // keeps two loops from sharing a cache line
	conns   atomic.Int64 // connections placed on the loop and not ended, those of HTTP included
	sockets atomic.Int64 // of these, WebSockets and HTTP sessions
	busy    atomic.Int64 // writes to sockets in the last second
	_       [64]byte
}

// place chooses the loop of a new connection and counts it there. The kernel wakes the
// same loop first for each connection that arrives alone, so a connection does not stay
// on the loop that accepts it but goes to the one with the fewest. own is the loop that
// has accepted it, or nil. In a crowd own keeps it while it has hardly more connections
// than the others, because handing a connection over costs more than accepting it.
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

// fewAccepted is how many connections a loop may accept in a second before they count
// as a crowd.
const fewAccepted = 256

// busyUnit is the number of writes a second to which the writes of loops are rounded
// down before they are compared.
const busyUnit = 64

// lighter reports whether the loop is a better place than another: it keeps up with
// its mail and the other does not; otherwise, it has fewer connections; or as many, and
// it writes less.
func (l *loop) lighter(than *loop) bool {
	if a, b := l.mail.congested(), than.mail.congested(); a != b {
		return b
	}
	if a, b := l.share.conns.Load(), than.share.conns.Load(); a != b {
		return a < b
	}
	return l.share.busy.Load()/busyUnit < than.share.busy.Load()/busyUnit
}

// nearly reports whether the loop has hardly more connections than least, the one with
// the fewest, and keeps up with its mail if least does.
func (l *loop) nearly(least *loop) bool {
	const slack, few = 16, 2
	n := least.share.conns.Load()
	return l.share.conns.Load() <= n+n/slack+few && (!l.mail.congested() || least.mail.congested())
}

// measure publishes how many writes the loop made in the second that ends.
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
