package pusherproto

import "bytes"

// The bounds of an Outline: a longer string of it is null, and a longer whole is of no use.
const (
	outlineString = 2 << 10
	outlineBytes  = 8 << 10
)

// Outline is what is kept of a message that is too large to be kept: the same text
// with null in place of each long string. It contains the event and the channel
// wherever they are in the message. pusher-js, for one, writes channel_data before
// the channel. The zero value is an empty Outline.
type Outline struct {
	text    []byte
	begun   int  // where in text the present string begins, if it is not cut
	quoted  bool // within a string
	escaped bool // behind a backslash
	cut     bool // the present string is
	full    bool
}

// Size is how many bytes the outline has allocated.
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

// outside takes what is before the next string, with its quote.
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

// inside takes what is of the present string, with its quote.
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

// scan returns how much of part is of the present string, and whether that ends there.
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

// Message returns the outline as JSON for DecodeMessage, nil if the message was too long even so.
func (o *Outline) Message() []byte {
	if o.full || len(o.text) > outlineBytes {
		return nil
	}
	return o.text
}
