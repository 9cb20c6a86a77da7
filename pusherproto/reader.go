package pusherproto

// reader walks one JSON text, checking as it goes, so that a decoder sees every byte once. The first
// fault stays: from then on every method returns nothing, and end tells.
type reader struct {
	b     []byte
	i     int
	fault fault
}

// peek skips white space and returns the next byte, 0 at the end.
func (r *reader) peek() byte {
	r.i = skipSpace(r.b, r.i)
	if r.i >= len(r.b) {
		return 0
	}
	return r.b[r.i]
}

// object reads the object that begins here. values[k] becomes the text of the member names[k], nil if
// there is none; other members are skipped. One of names that appears twice ends the walk and is
// returned: two readers of such an object could understand two different things.
func (r *reader) object(names []string, values [][]byte) (twice string) {
	for more := r.open(); more; more = r.next('}') {
		key := r.key()
		value := r.value()
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

// open enters the object or array that begins here and tells whether it has a first element. The loop
// over its elements is
//
//	for more := r.open(); more; more = r.next('}') { … }
func (r *reader) open() bool {
	c := r.peek()
	if c != '{' && c != '[' {
		return r.fail(faultSyntax)
	}
	r.i++
	if r.peek() == c+2 { // '}' is '{'+2, ']' is '['+2
		r.i++
		return false
	}
	return r.fault == 0
}

// next goes on behind a value and tells whether another follows; closing ends the object or array.
func (r *reader) next(closing byte) bool {
	if r.fault != 0 {
		return false
	}
	switch r.peek() {
	case ',':
		r.i++
		return true
	case closing:
		r.i++
		return false
	}
	return r.fail(faultSyntax)
}

// key reads a member's name, decoded, and the colon after it.
func (r *reader) key() []byte {
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
	return unquote(r.b[start : end+1])
}

// value reads one value and returns its text.
func (r *reader) value() []byte {
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

// end tells whether the whole text was one well-formed value.
func (r *reader) end() bool {
	if r.fault != 0 {
		return false
	}
	if r.peek(); r.i < len(r.b) {
		r.fault = faultTrailing
	}
	return r.fault == 0
}

func (r *reader) fail(f fault) bool {
	if r.fault == 0 {
		r.fault = f
		if r.i >= len(r.b) {
			r.fault = faultEnd
		}
	}
	return false
}

// problem describes the fault for a message.
func (r *reader) problem() string { return r.fault.at(r.i) }

// isString and isNull look at the text of a value that the reader returned.
func isString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

func isNull(raw []byte) bool { return len(raw) > 0 && raw[0] == 'n' }
