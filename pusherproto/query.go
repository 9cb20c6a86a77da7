package pusherproto

import "strings"

// Query is a parsed query string: its parameters in the order received, repeated ones included.
type Query []Pair

// Pair is one parameter. Key and Value are percent-decoded once; a "+" in Value is a space. RawKey and
// RawValue are as received.
type Pair struct {
	Key, Value       string
	RawKey, RawValue string
}

// ParseQuery splits a raw query on "&" only: SDKs send ";" unescaped, which net/url refuses. Empty
// parts are skipped, a part without "=" has an empty value, and a "%" that begins no escape stands for
// itself. Spec: http-api, section 1.
func ParseQuery(raw string) Query { return appendQuery(nil, raw) }

func appendQuery(q Query, raw string) Query {
	for raw != "" {
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

// All returns every value of key in order, nil if there is none.
func (q Query) All(key string) []string {
	var all []string
	for i := range q {
		if q[i].Key == key {
			all = append(all, q[i].Value)
		}
	}
	return all
}

// decodePercent decodes percent-escapes once, and "+" to a space if asked to.
func decodePercent(s string, plus bool) string {
	special := "%"
	if plus {
		special = "%+"
	}
	if !strings.ContainsAny(s, special) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		case c == '+' && plus:
			c = ' '
		}
		out = append(out, c)
	}
	return string(out)
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
