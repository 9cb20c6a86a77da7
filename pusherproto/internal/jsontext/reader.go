package jsontext

// Reader walks one JSON text, checking as it goes, so that a decoder sees every byte once. The first
// fault stays: from then on every method returns nothing, and End tells.
type Reader struct {
	b     []byte
	i     int
	fault fault
}

// NewReader returns a Reader of b, which it does not change.
func NewReader(b []byte) Reader { return Reader{b: b} }

// AtEnd reports whether nothing is left.
func (r *Reader) AtEnd() bool { return r.i >= len(r.b) }

// Offset is how many bytes have been read.
func (r *Reader) Offset() int { return r.i }

// Since is what was read since from, an Offset.
func (r *Reader) Since(from int) []byte { return r.b[from:r.i] }

// Peek skips white space and returns the next byte, 0 at the end.
func (r *Reader) Peek() byte {
	r.i = skipSpace(r.b, r.i)
	if r.i >= len(r.b) {
		return 0
	}
	return r.b[r.i]
}

// Object reads the object that begins here. values[k] becomes the text of the member names[k], nil if
// there is none; other members are skipped. One of names that appears twice ends the walk and is
// returned: two readers of such an object could understand two different things.
func (r *Reader) Object(names []string, values [][]byte) (twice string) {
	for more := r.Open(); more; more = r.Next('}') {
		key := r.Key()
		value := r.Value()
		for k, name := range names {
			if string(key) != name {
				continue
			}
			if values[k] != nil {
				return name
			}
			values[k] = value
			break
		}
	}
	return ""
}

// Open enters the object or array that begins here and reports whether it has a first element. The loop
// over its elements is
//
//	for more := r.Open(); more; more = r.Next('}') { … }
func (r *Reader) Open() bool {
	c := r.Peek()
	if c != '{' && c != '[' {
		return r.fail(faultSyntax)
	}
	r.i++
	if r.Peek() == c+2 { // '}' is '{'+2, ']' is '['+2
		r.i++
		return false
	}
	return r.fault == 0
}

// Elements is Open for a list that is an array or an object, of which the names do not matter:
//
//	for more, closing := r.Elements(); more; more = r.NextElement(closing) { … }
func (r *Reader) Elements() (more bool, closing byte) {
	closing = r.Peek() + 2
	return r.Open() && r.skipKey(closing), closing
}

// NextElement is Next for such a list.
func (r *Reader) NextElement(closing byte) bool { return r.Next(closing) && r.skipKey(closing) }

func (r *Reader) skipKey(closing byte) bool {
	if closing == '}' {
		r.Key()
	}
	return r.fault == 0
}

// Next goes on behind a value and reports whether another follows; closing ends the object or array.
func (r *Reader) Next(closing byte) bool {
	if r.fault != 0 {
		return false
	}
	switch r.Peek() {
	case ',':
		r.i++
		return true
	case closing:
		r.i++
		return false
	}
	return r.fail(faultSyntax)
}

// Key reads a member's name, decoded, and the colon after it.
func (r *Reader) Key() []byte {
	if r.fault != 0 {
		return nil
	}
	r.i = skipSpace(r.b, r.i)
	start := r.i
	r.i, r.fault = scanKey(r.b, r.i)
	if r.fault != 0 {
		return nil
	}
	// Only white space and the colon stand between the name's closing quote and r.i.
	end := r.i - 1
	for r.b[end] != '"' {
		end--
	}
	return Unquote(r.b[start : end+1])
}

// Value reads one value and returns its text.
func (r *Reader) Value() []byte {
	if r.fault != 0 {
		return nil
	}
	r.i = skipSpace(r.b, r.i)
	start := r.i
	r.i, r.fault = scanValue(r.b, r.i)
	if r.fault != 0 {
		return nil
	}
	return r.b[start:r.i:r.i]
}

// End reports whether the whole text was one well-formed value.
func (r *Reader) End() bool {
	if r.fault != 0 {
		return false
	}
	if r.Peek(); r.i < len(r.b) {
		r.fault = faultTrailing
	}
	return r.fault == 0
}

func (r *Reader) fail(f fault) bool {
	if r.fault == 0 {
		r.fault = f
		if r.i >= len(r.b) {
			r.fault = faultEnd
		}
	}
	return false
}

// Problem describes the fault for a message.
func (r *Reader) Problem() string { return r.fault.at(r.i) }

// IsString reports whether the text of a value, as Value returns it, is a string.
func IsString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

// IsNull tells the same of null.
func IsNull(raw []byte) bool { return len(raw) > 0 && raw[0] == 'n' }
