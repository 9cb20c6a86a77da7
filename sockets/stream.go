package sockets

import (
	"net"
	"net/netip"
	"sync"

	"fanfare/channels"
)

// streamRead is the read buffer of a stream.
const streamRead = 4 << 10

// stream is the link of a connection that is no bare descriptor: TLS, and
// every connection on systems without epoll. One goroutine reads, another is
// started when there is something to write.
type stream struct {
	websocket
	loop   *loop
	conn   net.Conn
	parsed chan struct{} // the loop is done with what was read
	done   chan struct{} // closed by release
	once   sync.Once
	unread []byte // loop: of a paused connection
	end    error  // that came with it
	out    []byte // loop, then the writer while blocked
}

func newStream(l *loop, conn net.Conn) *stream {
	return &stream{loop: l, conn: conn, parsed: make(chan struct{}, 1), done: make(chan struct{})}
}

// start begins reading.
func (s *stream) start(c *conn) {
	s.loop.server.wait.Go(func() { s.read(c) })
}

// read hands what arrives to the loop, a buffer at a time.
func (s *stream) read(c *conn) {
	buf := make([]byte, streamRead)
	for {
		n, err := s.conn.Read(buf)
		c.lane.Post(channels.Reading(n, func() { s.take(c, buf[:n], err) }))
		if err != nil {
			return
		}
		select {
		case <-s.parsed:
		case <-s.done:
			return
		}
	}
}

// take handles what was read, now or when the connection may be read.
func (s *stream) take(c *conn, b []byte, err error) {
	if c.state == connDead {
		return
	}
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

// resume implements link.
func (s *stream) resume(c *conn) { s.take(c, s.unread, s.end) }

// flush implements link.
func (s *stream) flush(c *conn) {
	if c.blocked || c.queue.bytes == 0 {
		return
	}
	c.blocked = true
	s.out = c.queue.all(s.out[:0])
	c.queue.flight, c.queue.flying = len(s.out), int32(len(c.queue.frames))
	s.loop.server.wait.Go(func() {
		n, err := s.conn.Write(s.out)
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
			s.out = nil
		}))
	})
}

// finish implements link.
func (s *stream) finish(*conn) {
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
		s.loop.server.wait.Go(func() { _ = half.CloseWrite() })
	}
}

// release implements link.
func (s *stream) release(*conn) {
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
