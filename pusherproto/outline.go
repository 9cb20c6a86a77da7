package pusherproto

// The bounds of an Outline: a longer string of it is null, and a longer whole is of no use.
const (
	outlineString = 2 << 10
	outlineBytes  = 8 << 10
)

// Outline is what is kept of a message that is too large to be kept: the same text with null in place
// of each long string. It tells what the message was about wherever in it that stands. pusher-js, for
// one, writes channel_data before the channel. The zero value is an empty Outline.
type Outline struct {
	text    []byte
	begun   int  // where in text the present string begins, if it is not cut
	quoted  bool // within a string
	escaped bool // behind a backslash
	cut     bool // the present string is
	full    bool
}

// Add takes the next part of the message.
func (o *Outline) Add(part []byte) {
	for _, b := range part {
		if o.full {
			return
		}
		o.add(b)
	}
}

func (o *Outline) add(b byte) {
	if !o.cut {
		o.text = append(o.text, b)
		o.full = len(o.text) > outlineBytes
	}
	switch {
	case !o.quoted:
		if b == '"' {
			o.quoted, o.begun = true, len(o.text)-1
		}
	case o.escaped:
		o.escaped = false
	case b == '\\':
		o.escaped = true
	case b == '"':
		o.quoted, o.cut = false, false
	}
	if o.quoted && !o.cut && len(o.text)-o.begun > outlineString {
		o.cut = true
		o.text = append(o.text[:o.begun], "null"...)
	}
}

// Message returns the outline as JSON for DecodeMessage, nil if the message was too long even so.
func (o *Outline) Message() []byte {
	if o.full {
		return nil
	}
	return o.text
}
