package sockets

// feed takes bytes from the client. They may be changed but not kept.
func (c *conn) feed(b []byte) {
	c.alive()
	c.unread = false
	if f := c.front; f != nil {
		f.heard = c.loop.clock
	} else {
		c.traffic().BytesReceived.Add(uint64(len(b)))
		c.received += uint64(len(b))
	}
	if c.deaf {
		return // read anyway: with unread bytes, closing would send a reset
	}
	front, was := c.front, c.unfinished()
	switch {
	case len(c.in) == 0:
		c.retain(b[c.parse(b):])
	case c.front != nil:
		c.in = append(c.in, b...)
		if used := c.parse(c.in); used > 0 || c.state == connDead {
			c.retain(c.in[used:])
		}
	case c.lacks(len(b)):
		c.in = append(c.in, b...)
	default:
		joined := c.loop.join(c.in, b)
		if used := c.parse(joined); used > 0 || c.state == connDead {
			c.retain(joined[used:])
		} else {
			c.in = append(c.in, b...)
		}
		c.loop.parted(joined)
	}
	if was > 0 || c.unfinished() > 0 {
		c.keep(was)
	}
	if front != nil {
		c.loop.account(front, c.in)
	}
}

// retain keeps a copy of the bytes that are not handled yet.
func (c *conn) retain(rest []byte) {
	if len(rest) == 0 || c.state == connDead {
		c.in = nil
		return
	}
	c.in = append([]byte(nil), rest...)
	c.since = c.loop.now
}

// lacks reports whether the frame at the start of c.in is still incomplete after
// this many more bytes.
func (c *conn) lacks(more int) bool {
	h, ok, _ := parseHeader(c.in, c.reach())
	return ok && len(c.in)+more < h.size+h.body
}

// join returns one and other, joined in a buffer of the loop. The caller returns the
// buffer with parted. Most reads of a busy socket end within a frame: without the
// buffer, each would allocate. The loop has no buffer until it is returned, because
// parsing may resume another connection, which then joins too.
func (l *loop) join(one, other []byte) []byte {
	buf := l.joined
	l.joined = nil
	return append(append(buf[:0], one...), other...)
}

// parted returns a buffer to the loop, unless it is large.
func (l *loop) parted(buf []byte) {
	if cap(buf) <= 2*readBuffer {
		l.joined = buf
	}
}
