package sockets

import (
	"net"
	"net/netip"
	"sync"

	"fanfare/channels"
	"fanfare/internal/account"
)

const (
	streamIdle  = 512      // the read buffer while little arrives; pings and most messages fit
	streamRead  = 4 << 10  // the read buffer while more arrives at a time
	streamWrite = 64 << 10 // the maximum copied for one write
)

// stream is the link of a connection whose descriptor no loop can take over; without
// epoll, that is every one. One goroutine reads. Another is started when there is
// something to write.
type stream struct {
	websocket
	loop   *loop
	conn   net.Conn
	parsed chan struct{} // the loop has handled what was read
	done   chan struct{} // closed by release
	once   sync.Once
	unread []byte // loop: what was read from a paused connection
	end    error  // the error that was read with it
	out    []byte // copies of frames to write: loop, or the writer while blocked
	large  bool   // the next read takes a buffer of streamRead bytes: loop, or the reader once parsed
}

func newStream(l *loop, conn net.Conn) *stream {
	return &stream{loop: l, conn: conn, parsed: make(chan struct{}, 1), done: make(chan struct{})}
}

// start begins reading.
func (s *stream) start(c *conn) {
	s.loop.server.wait.Go(func() { s.read(c) })
}

// read passes what arrives to the loop, one buffer at a time. Most of the time a
// stream waits for its peer, with a small buffer.
func (s *stream) read(c *conn) {
	idle := make([]byte, streamIdle)
	for buf := idle; ; {
		n, err := s.conn.Read(buf)
		b := buf[:n]
		c.lane.Post(channels.Reading(n, func() { s.take(c, b, err) }))
		if err != nil {
			return
		}
		select {
		case <-s.parsed:
		case <-s.done:
			return
		}
		switch was := len(buf) > streamIdle; {
		case s.large && !was:
			buf = s.loop.server.readBuffer()[:]
		case was && !s.large:
			s.loop.server.readBuffers.Put((*[streamRead]byte)(buf))
			buf = idle
		}
	}
}

// readBuffer returns a large buffer.
func (s *Server) readBuffer() *[streamRead]byte {
	if b, ok := s.readBuffers.Get().(*[streamRead]byte); ok {
		return b
	}
	return new([streamRead]byte)
}

// take handles what was read, or keeps it while the connection is paused.
func (s *stream) take(c *conn, b []byte, err error) {
	if c.state == connDead {
		return
	}
	s.enlarge(c, len(b) >= streamIdle)
	if len(b) > 0 && c.mustWait() {
		s.unread, s.end = b, err
		c.pause()
		return
	}
	if len(b) > 0 {
		c.feed(b)
	}
	if err != nil {
		c.lose(byNetwork, lossReason(err))
		return
	}
	s.parsed <- struct{}{}
}

// enlarge sets whether the next read takes a large buffer, and updates the account.
func (s *stream) enlarge(c *conn, large bool) {
	if large == s.large {
		return
	}
	before := s.size()
	s.large = large
	if c.entered {
		c.account().Resize(account.Sockets, s.size()-before)
	}
}

// resume implements link.
func (s *stream) resume(c *conn) { s.take(c, s.unread, s.end) }

// flush implements link.
func (s *stream) flush(c *conn) {
	if c.blocked || c.queue.bytes == 0 {
		return
	}
	c.blocked = true
	out := s.gather(c)
	s.loop.server.wait.Go(func() {
		n, err := s.conn.Write(out)
		c.lane.Post(channels.Call(func() {
			if c.state == connDead {
				return
			}
			c.blocked = false
			c.written(n)
			if err != nil {
				c.lose(byNetwork, lossReason(err))
				return
			}
			if c.queue.bytes > 0 {
				s.flush(c)
				return
			}
			s.resize(c, 0)
		}))
	})
}

// gather returns what to write next and marks it as in flight: one frame without a copy,
// or a copy of several.
func (s *stream) gather(c *conn) []byte {
	var scratch []byte
	q := &c.queue
	if len(q.frames) > 1 {
		n := min(q.bytes, streamWrite)
		if n > len(s.out) {
			s.resize(c, n)
		}
		scratch = s.out
	}
	out := q.gather(scratch)
	q.depart(len(out))
	return out
}

// resize replaces the buffer for copies of frames by one of n bytes.
func (s *stream) resize(c *conn, n int) {
	if n == len(s.out) {
		return
	}
	c.account().Resize(account.Queues, n-len(s.out))
	s.out = nil
	if n > 0 {
		s.out = make([]byte, n)
	}
}

// finish implements link.
func (s *stream) finish(*conn) {
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
		s.loop.server.wait.Go(func() { _ = half.CloseWrite() })
	}
}

// release implements link.
func (s *stream) release(c *conn) {
	s.resize(c, 0)
	s.once.Do(func() {
		close(s.done)
		s.loop.server.wait.Go(func() { _ = s.conn.Close() })
	})
}

// address implements link.
func (s *stream) address(*conn) netip.Addr {
	a := s.conn.RemoteAddr()
	if a == nil {
		return netip.Addr{}
	}
	peer, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}
