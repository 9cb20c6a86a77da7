package sockets

import (
	"bytes"
	"errors"
	"io"
)

// take decrypts and handles b, which was read from the socket, record by record until no
// complete record is left. b is in the loop's buffer. It is decrypted in place, unless
// the beginning of its first record was kept from an earlier read.
func (s *securedLink) take(c *conn, b []byte) {
	if s.dropped {
		return
	}
	lent := s.records.Len() == 0
	if lent {
		*s.records = *bytes.NewBuffer(b)
	} else {
		s.come = b
	}
	if s.plain == nil {
		s.plain = make([]byte, mostPlain)
	}
	rest, plain, filled := len(s.rest)-s.gone, 0, 0
	sealed := s.sealedBytes()
	if !lent {
		sealed += len(b)
	}
	for c.state != connDead && !s.dropped {
		n, err := s.conn.Read(s.plain)
		if n > 0 {
			plain += n
			filled++
			c.feed(s.plain[:n])
		}
		if err != nil {
			s.stop(c, err)
			break
		}
	}
	s.loop.parsed += s.weight(sealed-s.sealedBytes()-len(s.come), plain, filled)
	s.come = nil
	s.settle(c, lent, filled > 0)
	if (len(s.rest)-s.gone > rest || s.failed != 0) && c.state != connDead {
		s.drain(c)
	}
}

// sealedBytes returns how many bytes of records the tls.Conn has not decrypted.
func (s *securedLink) sealedBytes() int { return s.records.Len() }

// weight returns how many frames records count as, in addition to the frames in them.
// sealed bytes were decrypted to plain bytes, in filled records with data. A record
// without data counts as a request for new keys. Computing keys takes as long as a
// hundred pings. TLS before 1.3 has no such records, and no fixed overhead of a record.
func (s *securedLink) weight(sealed, plain, filled int) uint64 {
	if !s.renews {
		return uint64(filled)
	}
	empty := max(0, sealed-plain-filled*aroundData) / aroundData
	return uint64(filled + empty*keysFrames)
}

const (
	aroundData = 5 + 1 + 16 // RFC 8446 §5.2: header, type and tag of a record
	keysFrames = 16
)

// stop ends a connection after a read that failed, unless there is only no data now.
func (s *securedLink) stop(c *conn, err error) {
	if errors.Is(err, notNow{}) || c.state == connDead {
		return
	}
	if !errors.Is(err, io.EOF) { // the connection ends with an alert, ours or the client's
		s.mute = true
	}
	c.lose(byNetwork, lossReason(err))
}

// settle frees the empty buffers of the tls.Conn. If lent, the record buffer is the
// loop's, and an incomplete record is copied out of it. Incomplete records count as an
// unfinished message. whole reports whether data was decrypted since the last settle.
func (s *securedLink) settle(c *conn, lent, whole bool) {
	if s.dropped {
		return
	}
	if s.messages.Len() == 0 {
		*s.messages = bytes.Buffer{}
	}
	switch {
	case s.records.Len() == 0 || c.state == connDead:
		*s.records = bytes.Buffer{}
	case lent:
		*s.records = *bytes.NewBuffer(bytes.Clone(s.records.Bytes()))
	}
	if whole || s.kept == 0 {
		s.since = s.loop.now
	}
	if kept := s.records.Cap() + s.messages.Cap(); kept != s.kept && c.state != connDead {
		was := c.unfinished()
		s.kept = kept
		c.keep(was)
	}
}

// readAhead handles what crypto/tls has read after the request for the WebSocket.
func (c *conn) readAhead() {
	if s, ok := c.link.(*securedLink); ok && c.state != connDead {
		s.take(c, nil)
	}
}

// sealed returns how many bytes TLS keeps of an incomplete record or handshake message,
// sealedSince the second in which it began. They return 0 if there is none.
func (c *conn) sealed() int {
	if s, ok := c.link.(*securedLink); ok {
		return s.kept
	}
	return 0
}

func (c *conn) sealedSince() uint32 {
	if s, ok := c.link.(*securedLink); ok && s.kept > 0 {
		return s.since
	}
	return 0
}

// unseal drops an incomplete record. What arrives after it is not decrypted.
func (c *conn) unseal() {
	if s, ok := c.link.(*securedLink); ok {
		*s.records, *s.messages, s.come = bytes.Buffer{}, bytes.Buffer{}, nil
		s.kept, s.dropped = 0, true
	}
}
