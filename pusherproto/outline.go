package pusherproto

import "bytes"

// Bounds of an Outline: a string of more than outlineString bytes becomes null, and an Outline of
// more than outlineBytes bytes is not used.
const (
	outlineString = 2 << 10
	outlineBytes  = 8 << 10
)

// Outline is a shortened copy of a message that is over the size limit: the same text with null
// in place of each long string. It still contains the event and the channel, wherever they are in
// the message (pusher-js, for one, writes channel_data before the channel). The zero value is an
// empty Outline.
type Outline struct {
	text    []byte
	begun   int  // index in text at which the current string begins, if it is not cut
	quoted  bool // inside a string
	escaped bool // the last byte was a backslash that escapes the next one
	cut     bool // the current string is too long and was replaced by null
	full    bool
}

// Size returns the number of bytes that the outline has allocated.
func (o *Outline) Size() int { return cap(o.text) }

// Add takes the next part of the message.
func (o *Outline) Add(part []byte) {
	for len(part) > 0 && !o.full {
		if o.quoted {
			part = part[o.inside(part):]
		} else {
			part = part[o.outside(part):]
		}
	}
}

// outside copies part up to and including the next opening quote, and returns how many bytes it
// read.
func (o *Outline) outside(part []byte) (n int) {
	n = len(part)
	if quote := bytes.IndexByte(part, '"'); quote >= 0 {
		n = quote + 1
		o.quoted, o.begun = true, len(o.text)+quote
	}
	if o.full = len(o.text)+n > outlineBytes; !o.full {
		o.text = append(o.text, part[:n]...)
	}
	return n
}

// inside reads part up to and including the closing quote of the current string, copies it unless
// the string is too long, and returns how many bytes it read.
func (o *Outline) inside(part []byte) (n int) {
	n, ends := o.scan(part)
	size := len(o.text) - o.begun + n
	if ends {
		size--
	}
	switch {
	case o.cut:
	case size > outlineString:
		o.cut = true
		o.text = append(o.text[:o.begun], "null"...)
	default:
		o.text = append(o.text, part[:n]...)
	}
	if ends {
		o.quoted, o.cut = false, false
		o.full = len(o.text) > outlineBytes
	}
	return n
}

// scan returns how many bytes of part belong to the current string, and whether the string ends
// there.
func (o *Outline) scan(part []byte) (n int, ends bool) {
	escaped := o.escaped // in a register: a client may send megabytes of this
	for i, b := range part {
		switch {
		case escaped:
			escaped = false
		case b == '\\':
			escaped = true
		case b == '"':
			o.escaped = false
			return i + 1, true
		}
	}
	o.escaped = escaped
	return len(part), false
}

// Message returns the outline as JSON for DecodeMessage, or nil if even the outline is too long.
func (o *Outline) Message() []byte {
	if o.full || len(o.text) > outlineBytes {
		return nil
	}
	return o.text
}
