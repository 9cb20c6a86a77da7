package jsontext

// Reader reads one JSON text and checks it in the same pass. It keeps the first fault: after it every
// method returns nothing, and End returns false.
type Reader struct {
	b     []byte
	i     int
	fault fault
}

// NewReader returns a Reader of b. It does not change b.
func NewReader(b []byte) Reader { return Reader{b: b} }

// AtEnd reports whether the whole text has been read.
func (r *Reader) AtEnd() bool { return r.i >= len(r.b) }

// Offset returns the number of bytes that have been read.
func (r *Reader) Offset() int { return r.i }

// Since returns the text from an Offset up to the current one.
func (r *Reader) Since(from int) []byte { return r.b[from:r.i] }

// Peek skips white space and returns the next byte, 0 at the end.
func (r *Reader) Peek() byte {
	r.i = skipSpace(r.b, r.i)
	if r.i >= len(r.b) {
		return 0
	}
	return r.b[r.i]
}

// Object reads the object at the current position. values[k] becomes the text of the member names[k],
// nil if there is none; other members are skipped. If one of names appears twice, Object stops and
// returns it: two readers could interpret such an object differently.
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

// Open enters the object or array at the current position and reports whether it has an element. The
// loop over its elements is
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

// Elements is Open for a list that may be an array or an object whose member names do not matter:
//
//	for more, closing := r.Elements(); more; more = r.NextElement(closing) { … }
func (r *Reader) Elements() (more bool, closing byte) {
	closing = r.Peek() + 2
	return r.Open() && r.skipKey(closing), closing
}

// NextElement is Next for a list that Elements opened.
func (r *Reader) NextElement(closing byte) bool { return r.Next(closing) && r.skipKey(closing) }

func (r *Reader) skipKey(closing byte) bool {
	if closing == '}' {
		r.Key()
	}
	return r.fault == 0
}

// Next reads what follows a value and reports whether another value comes. closing is the byte that
// ends the object or array.
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

// Key reads the name of a member and the colon after it, and returns the decoded name.
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

// End reports whether the whole text was one valid value.
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

// Problem describes the fault for an error message.
func (r *Reader) Problem() string { return r.fault.at(r.i) }

// IsString reports whether raw, the text of a value that Value returned, is a string.
func IsString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

// IsNull reports whether raw, the text of a value that Value returned, is null.
func IsNull(raw []byte) bool { return len(raw) > 0 && raw[0] == 'n' }
