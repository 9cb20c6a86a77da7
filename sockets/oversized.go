package sockets

import (
	"math"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"fanfare/pusherproto"
)

// farAbove is how many times the bound of a message a client may send before
// it is cut off: clients repeat for ever what ended their connection.
const farAbove = 16

// oversized is a message over the bound. It is read to its end and answered,
// and not kept.
type oversized struct {
	size    int // of all frames that have begun
	left    int // bytes of the present one that have not come
	mask    [4]byte
	offset  int // into the mask
	fin     bool
	text    utf8Check
	outline pusherproto.Outline
}

// room is how many bytes the message under way may still have without being
// over the bound.
func (c *conn) room() int {
	if c.over != nil {
		return -1
	}
	return max(0, int(c.limit)-len(c.message))
}

// reach is how many bytes the message under way may still have before the
// connection ends.
func (c *conn) reach() int {
	used := len(c.message)
	if c.over != nil {
		used = c.over.size
	}
	return max(0, int(min(farAbove*int64(c.limit), math.MaxInt32))-used)
}

// exceed begins a data frame that makes its message too large, or is of one
// that is.
func (c *conn) exceed(h header) *violation {
	if bad := c.misplaced(h); bad != nil && c.state == connOpen {
		return bad
	}
	if c.over == nil {
		c.over = &oversized{}
		if bad := c.over.take(c.message); bad != nil {
			return bad
		}
		c.over.size = len(c.message)
		c.message = nil
	}
	o := c.over
	o.size += h.body
	o.left, o.mask, o.offset, o.fin = h.body, h.mask, 0, h.fin
	c.fragmented = !h.fin
	return nil
}

// skip reads on in a message that is too large and returns how much of b it
// took. The message is answered at its end.
func (c *conn) skip(b []byte) (n int, bad *violation) {
	o := c.over
	n = min(o.left, len(b))
	ws.Cipher(b[:n], o.mask, o.offset)
	o.offset = (o.offset + n) % len(o.mask)
	o.left -= n
	if bad := o.take(b[:n]); bad != nil {
		return n, bad
	}
	if o.left > 0 || !o.fin {
		return n, nil
	}
	c.over = nil
	if !o.text.whole() {
		return n, notUTF8()
	}
	if c.state == connOpen {
		c.loop.counters.MessagesReceived.Add(1)
		c.TooLarge(&o.outline, int(c.limit))
	}
	return n, nil
}

func (o *oversized) take(part []byte) *violation {
	if !o.text.take(part) {
		return notUTF8()
	}
	o.outline.Add(part)
	return nil
}

func notUTF8() *violation {
	return &violation{ws.StatusInvalidFramePayloadData, "text must be UTF-8"}
}

// utf8Check looks at a text that comes in parts, between which a character may
// be broken.
type utf8Check struct {
	rest [utf8.UTFMax]byte // the start of a character
	held int
}

// take tells whether the text is valid with the next part.
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

// whole tells whether the text may end here.
func (u *utf8Check) whole() bool { return u.held == 0 }
