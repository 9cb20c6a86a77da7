package pusherproto

import "strings"

// Query is a parsed query string: its parameters in the order received. A name may be repeated.
type Query []Pair

// Pair is one parameter. Key and Value are percent-decoded once; a "+" in Value is a space. RawKey and
// RawValue are as received.
type Pair struct {
	Key, Value       string
	RawKey, RawValue string
}

// ParseQuery splits a raw query on "&" only: SDKs send ";" unescaped, which net/url refuses. Empty parts
// are skipped, a part without "=" has an empty value, and a "%" that begins no escape is kept. It returns
// at most 129 parameters, one more than a request may have. See
// docs/spec/http-signature.md#authentication.
func ParseQuery(raw string) Query { return appendQuery(nil, raw) }

// appendQuery appends the parameters of raw to q. It stops at maxParameters+1, which is enough to see
// that there are too many.
func appendQuery(q Query, raw string) Query {
	if n := min(strings.Count(raw, "&"), maxParameters) + 1; raw != "" && n > cap(q) {
		q = make(Query, 0, n)
	}
	for raw != "" && len(q) <= maxParameters {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		q = append(q, Pair{
			Key: decodePercent(key, false), Value: decodePercent(value, true),
			RawKey: key, RawValue: value,
		})
	}
	return q
}

// Get returns the first value of key.
func (q Query) Get(key string) (string, bool) {
	for i := range q {
		if q[i].Key == key {
			return q[i].Value, true
		}
	}
	return "", false
}

// All returns every value of key in order, or nil if there is none.
func (q Query) All(key string) []string {
	var all []string
	for i := range q {
		if q[i].Key == key {
			all = append(all, q[i].Value)
		}
	}
	return all
}

// Joined returns the value of key or, for an array (key[]=a&key[]=b, or key[0]=a&key[1]=b as PHP writes
// it), its values in the order received, separated by commas.
func (q Query) Joined(key string) string {
	joined, found := "", false
	for i := range q {
		name, element := arrayOf(q[i].Key)
		switch {
		case name != key:
		case !found:
			joined, found = q[i].Value, true
		case element:
			joined += "," + q[i].Value
		}
	}
	return joined
}

// arrayOf returns the name of the array that key is an element of: c for c[] and c[0]. Any other key is
// returned unchanged, with ok false.
func arrayOf(key string) (name string, ok bool) {
	if key == "" || key[len(key)-1] != ']' {
		return key, false
	}
	open := strings.LastIndexByte(key, '[')
	if open < 0 {
		return key, false
	}
	for _, c := range key[open+1 : len(key)-1] {
		if c < '0' || c > '9' {
			return key, false
		}
	}
	return key[:open], true
}

// decodePercent decodes percent-escapes once and, if plus is set, "+" to a space.
func decodePercent(s string, plus bool) string {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s
	}
	return string(appendDecoded(make([]byte, 0, len(s)), s, plus))
}

// appendDecoded appends s as decodePercent returns it.
func appendDecoded(dst []byte, s string, plus bool) []byte {
	from := 0 // s[from:i] is copied unchanged
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			dst = append(append(dst, s[from:i]...), unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			from = i + 1
		case c == '+' && plus:
			dst = append(append(dst, s[from:i]...), ' ')
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
