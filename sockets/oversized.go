package sockets

import (
	"math"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"fanfare/pusherproto"
)

// farAbove is the multiple of the message limit above which the connection is closed.
// Up to it, only the message is refused: a client whose connection is closed would
// reconnect and send the message again, without end.
const farAbove = 16

// partial is a message of which only a part has arrived. One above the limit is read
// to its end and answered, but not kept.
type partial struct {
	kept  []byte // its fragments so far
	since uint32 // second in which it began
	over  bool   // too large: the fields below are used, and kept is empty

	size    int // bytes of all frames that have begun
	left    int // bytes of the current frame that have not arrived
	mask    [4]byte
	offset  int // of the next byte in the mask
	fin     bool
	text    utf8Check
	outline pusherproto.Outline
}

// room returns how many more bytes the current message may have without exceeding the
// limit, or -1 if it exceeds it.
func (c *conn) room() int {
	switch p := c.partial; {
	case p == nil:
		return int(c.limit)
	case p.over:
		return -1
	default:
		return max(0, int(c.limit)-len(p.kept))
	}
}

// reach returns how many more bytes the current message may have before the connection
// is closed.
func (c *conn) reach() int {
	most := int(min(farAbove*int64(c.limit), math.MaxInt32))
	switch p := c.partial; {
	case p == nil:
		return most
	case p.over:
		return max(0, most-p.size)
	default:
		return max(0, most-len(p.kept))
	}
}

// exceed begins a data frame that makes its message too large, or belongs to a
// message that is too large already.
func (c *conn) exceed(h header) *violation {
	if bad := c.misplaced(h); bad != nil && c.state == connOpen {
		return bad
	}
	if c.partial == nil {
		c.partial = &partial{since: c.loop.now}
	}
	p := c.partial
	if !p.over {
		p.over = true
		if bad := p.take(p.kept); bad != nil {
			return bad
		}
		p.size, p.kept = len(p.kept), nil
	}
	p.size += h.body
	p.left, p.mask, p.offset, p.fin = h.body, h.mask, 0, h.fin
	return nil
}

// skip reads more of a message that is too large, and returns how many bytes of b
// belong to its current frame. The message is answered at its end.
func (c *conn) skip(b []byte) (n int, bad *violation) {
	p := c.partial
	n = min(p.left, len(b))
	ws.Cipher(b[:n], p.mask, p.offset)
	p.offset = (p.offset + n) % len(p.mask)
	p.left -= n
	if bad := p.take(b[:n]); bad != nil {
		return n, bad
	}
	if p.left > 0 || !p.fin {
		return n, nil
	}
	c.partial = nil
	if !p.text.whole() {
		return n, notUTF8()
	}
	if c.state == connOpen {
		c.traffic().MessagesReceived.Add(1)
		c.TooLarge(&p.outline, int(c.limit))
	}
	return n, nil
}

func (p *partial) take(part []byte) *violation {
	if !p.text.take(part) {
		return notUTF8()
	}
	p.outline.Add(part)
	return nil
}

func notUTF8() *violation {
	return &violation{ws.StatusInvalidFramePayloadData, "text must be UTF-8"}
}

// utf8Check validates a text that arrives in parts. A character may be split between
// two parts.
type utf8Check struct {
	rest [utf8.UTFMax]byte // the start of a split character
	held int               // bytes of rest
}

// take adds the next part and reports whether the text is valid so far.
func (u *utf8Check) take(part []byte) bool {
	for u.held > 0 && len(part) > 0 {
		u.rest[u.held] = part[0]
		u.held++
		part = part[1:]
		if utf8.FullRune(u.rest[:u.held]) {
			if !utf8.Valid(u.rest[:u.held]) {
				return false
			}
			u.held = 0
		}
	}
	whole := len(part)
	for i := len(part) - 1; i >= 0 && i > len(part)-utf8.UTFMax; i-- {
		if utf8.RuneStart(part[i]) {
			if !utf8.FullRune(part[i:]) {
				whole = i
			}
			break
		}
	}
	u.held += copy(u.rest[u.held:], part[whole:])
	return utf8.Valid(part[:whole])
}

// whole reports whether the text may end here.
func (u *utf8Check) whole() bool { return u.held == 0 }
