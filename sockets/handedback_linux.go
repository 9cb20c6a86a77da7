package sockets

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"fanfare/channels"
)

// restState is the state of net/http between two requests. Only the goroutine that
// serves the connection changes it.
type restState uint8

const (
	serving  restState = iota
	answered           // the next deadline that net/http sets is for its wait for a request
	peeking            // net/http waits; the next deadline it sets is for the request
)

// mostPeeked is the maximum number of bytes that net/http has in its buffer while it
// waits for a request: it peeks at one more.
const mostPeeked = 3

// A connection stays with net/http for a moment after its answer, since a busy
// caller's next request costs less there. The time is shorter the more connections
// stay there.
const (
	longestRest = time.Second
	mostResting = 512
)

// restTime is how long a connection may stay with net/http between two requests.
func (s *Server) restTime() time.Duration {
	return longestRest * time.Duration(max(0, mostResting-s.resting.Load())) / mostResting
}

// Idle must be called when net/http has answered a request and waits for the next
// one, by the goroutine that serves the connection.
func (h *handed) Idle() {
	h.rest = answered
	h.resting.Store(true)
	h.loop.server.resting.Add(1)
}

// stir takes the connection out of Server.resting.
func (h *handed) stir() {
	if h.resting.Swap(false) {
		h.loop.server.resting.Add(-1)
	}
}

// Served records whether the last request was a POST: net/http skips line ends
// only after a POST.
func (h *handed) Served(post bool) {
	h.blanks = 0
	if post {
		h.blanks = mostBlanks
	}
}

// note keeps the last bytes that Read returned to net/http.
func (h *handed) note(b []byte) {
	for _, c := range b[max(0, len(b)-mostPeeked):] {
		h.tail[0], h.tail[1], h.tail[2] = h.tail[1], h.tail[2], c
		h.tailed = min(h.tailed+1, mostPeeked)
	}
}

// await reads the beginning of the next request, of which net/http already has peeked
// bytes. If nothing arrives within restTime, the connection goes back to its loop.
func (h *handed) await(b []byte, peeked int) (n int, err error) {
	if len(h.read) > 0 {
		return h.early(b), nil
	}
	if h.loop.server.restTime() > 0 && h.waits(true) {
		n, err = h.file.Read(b)
		h.waits(false)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, h.failed("read", err)
		}
	}
	if !h.giveBack(h.tail[mostPeeked-peeked:]) {
		return 0, net.ErrClosed
	}
	return 0, io.EOF
}

// waits records whether net/http waits for a request, and reports whether the
// connection is open.
func (h *handed) waits(on bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.awaiting = on
	return !h.ended
}

// Recall returns the connection to its loop now if net/http waits for its next
// request. A request that has arrived meanwhile is answered by one of the two.
func (h *handed) Recall() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.awaiting && !h.ended {
		_ = h.file.SetReadDeadline(time.Unix(1, 0))
	}
}

// giveBack returns the socket to the loop, with the bytes that net/http has read of
// the next request. It returns false if the connection was closed instead.
func (h *handed) giveBack(peeked []byte) bool {
	fd, ok := h.take()
	if !ok {
		return false
	}
	h.post(fd, append([]byte(nil), peeked...))
	return true
}

// Refuse records that net/http accepts no more connections.
func (h *handed) Refuse() {
	if fd, ok := h.take(); ok {
		h.post(fd, h.read)
	}
}

// post sends the socket to the loop, with the bytes that were read and not handled.
func (h *handed) post(fd int, read []byte) {
	l, f := h.loop, &front{cfg: h.cfg, remote: h.from, secure: h.secure, blanks: h.blanks, held: true}
	l.share.conns.Add(1)
	l.Post(channels.Call(func() { l.arrive(&conn{loop: l, lane: l.own, link: l.waiter.(*epoll), fd: int32(fd), front: f}, read) }))
}

// take duplicates the socket, closes the file and returns the duplicate, which is then
// the only descriptor. If no descriptor is free, ok is false and the connection is
// closed: it is idle, and others need the descriptor.
func (h *handed) take() (fd int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return -1, false
	}
	fd, err := duplicate(h.file)
	h.back = err == nil
	h.end()
	return fd, h.back
}
