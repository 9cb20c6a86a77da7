package pusherproto

import "strconv"

// SocketID identifies one socket: two numbers below 2⁵³, written "A.B". The zero value identifies no
// socket.
type SocketID struct{ A, B uint64 }

// ParseSocketID reads "digits.digits". ok reports whether s has that form. If s has the form but
// fanfare never issues such an id (leading zeros, 2⁵³ and above, "0.0"), ok is true and id is zero,
// which matches no socket. See docs/spec/websocket.md#the-first-frame;
// docs/spec/http-api.md#publishing.
func ParseSocketID(s string) (id SocketID, ok bool) {
	a, rest, fineA := leadingDigits(s)
	if len(rest) == len(s) || rest == "" || rest[0] != '.' {
		return SocketID{}, false
	}
	rest = rest[1:]
	b, end, fineB := leadingDigits(rest)
	if len(end) == len(rest) || end != "" {
		return SocketID{}, false
	}
	if !fineA || !fineB {
		return SocketID{}, true
	}
	return SocketID{A: a, B: b}, true
}

// leadingDigits reads the decimal digits at the start of s. fine is false for a number with leading
// zeros and for 2⁵³ and above.
func leadingDigits(s string) (n uint64, rest string, fine bool) {
	i := 0
	fine = true
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		if fine {
			n = n*10 + uint64(s[i]-'0')
			fine = n < 1<<53
		}
		i++
	}
	if i > 1 && s[0] == '0' {
		fine = false
	}
	return n, s[i:], fine
}

// AppendSocketID appends "A.B".
func AppendSocketID(dst []byte, id SocketID) []byte {
	dst = strconv.AppendUint(dst, id.A, 10)
	dst = append(dst, '.')
	return strconv.AppendUint(dst, id.B, 10)
}

// String returns "A.B".
func (id SocketID) String() string {
	var buf [41]byte
	return string(AppendSocketID(buf[:0], id))
}

// IsZero reports whether id is the zero value, which identifies no socket.
func (id SocketID) IsZero() bool { return id == SocketID{} }
