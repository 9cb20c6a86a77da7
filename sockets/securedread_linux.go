package sockets

import (
	"bytes"
	"errors"
	"io"
)

// take has what was read decrypted and handled, record by record, until nothing
// whole is left. b is in the loop's buffer, in which it is decrypted too unless
// the beginning of its first record is here already.
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

// sealedBytes is what the tls.Conn has of records that are not decrypted.
func (s *securedLink) sealedBytes() int { return s.records.Len() }

// weight is how many frames of a client records count for beside those that are in
// them: sealed bytes became so many plain ones, in so many records. A record without
// data asks for new keys. Making them takes as long as a hundred pings. TLS before 1.3 has
// no such records, and no fixed size of what is around the data.
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

// stop ends a connection of which no more can be read, unless that is so for now.
func (s *securedLink) stop(c *conn, err error) {
	if errors.Is(err, notNow{}) || c.state == connDead {
		return
	}
	if !errors.Is(err, io.EOF) { // an alert has said what is wrong
		s.mute = true
	}
	c.lose(byNetwork, lossReason(err))
}

// settle takes the buffers of the tls.Conn away that are empty, gives it one of
// its own for what is not whole, and counts that as a message of which a part is
// missing. whole says that something was handled since.
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

// readAhead handles what crypto/tls has read behind the request for the
// WebSocket.
func (c *conn) readAhead() {
	if s, ok := c.link.(*securedLink); ok && c.state != connDead {
		s.take(c, nil)
	}
}

// sealed is how many bytes TLS keeps of a record or a message of its own that is
// not whole, sealedSince the second in which that began, 0 if there is none.
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

// unseal gives it up, and counts it no more. What comes behind it is not decrypted.
func (c *conn) unseal() {
	if s, ok := c.link.(*securedLink); ok {
		*s.records, *s.messages, s.come = bytes.Buffer{}, bytes.Buffer{}, nil
		s.kept, s.dropped = 0, true
	}
}
