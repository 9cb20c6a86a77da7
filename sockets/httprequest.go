package sockets

import (
	"bytes"
	"net/netip"
)

// maxFields is how many header fields a request may have to be answered by a
// loop.
const maxFields = 40

// Request is an HTTP/1.1 request in a loop's buffer. Its fields must not be kept
// or changed.
type Request struct {
	Method []byte
	Target []byte // path and query as sent
	Body   []byte
	Length int // of Body in bytes, also while the body has not arrived
	Remote netip.AddrPort
	Secure bool // the client's connection to its proxy is encrypted, as its PROXY header says
	Last   bool // the connection ends with the answer, which says so
	// Awaited reports whether the Door had asked to wait for the body.
	Awaited bool

	conn   *conn // whose request it is
	fields [maxFields]requestField
	count  int
}

type requestField struct{ name, value []byte }

// Header returns the first value of a field and the number of its occurrences.
// Names are compared without case.
func (r *Request) Header(name string) (value []byte, count int) {
	for i := range r.fields[:r.count] {
		if f := &r.fields[i]; len(f.name) == len(name) && bytes.EqualFold(f.name, []byte(name)) {
			if count == 0 {
				value = f.value
			}
			count++
		}
	}
	return value, count
}

// Values returns all values of a field. Names are compared without case.
func (r *Request) Values(name string) (values []string) {
	for i := range r.fields[:r.count] {
		if f := &r.fields[i]; bytes.EqualFold(f.name, []byte(name)) {
			values = append(values, string(f.value))
		}
	}
	return values
}

// Closes reports whether the client asks for the connection to end with the
// answer (RFC 9112 §9.6).
func (r *Request) Closes() bool {
	for i := range r.fields[:r.count] {
		if f := &r.fields[i]; bytes.EqualFold(f.name, []byte("Connection")) {
			for token := range bytes.SplitSeq(f.value, []byte(",")) {
				if bytes.EqualFold(bytes.Trim(token, " \t"), []byte("close")) {
					return true
				}
			}
		}
	}
	return false
}

// verdict is the result of parsing the bytes at the start of a request.
type verdict uint8

const (
	incomplete verdict = iota // more has to arrive
	complete                  // a whole request that a loop can parse
	unusual                   // left to net/http; it may still be valid
)

var endOfHead = []byte("\r\n\r\n")

// read parses the request at the start of b and returns its length, also if only its
// body is incomplete. Anything but plain HTTP/1.1 is unusual and left to net/http,
// which implements all of HTTP: two parsers that read one request differently would
// allow request smuggling (RFC 9112 §11.2).
func (r *Request) read(b []byte, maxHead, maxBody int) (size int, v verdict) {
	head := bytes.Index(b, endOfHead)
	if head < 0 {
		if len(b) > maxHead || bytes.IndexByte(b, 0) >= 0 || bytes.Contains(b, []byte("\n\n")) || oddStart(b) {
			return 0, unusual
		}
		return 0, incomplete
	}
	if head > maxHead || !r.readLines(b[:head+2]) {
		return 0, unusual
	}
	size = head + len(endOfHead)
	for _, name := range [...]string{"Transfer-Encoding", "Expect", "Content-Encoding", "TE", "Trailer"} {
		if _, n := r.Header(name); n > 0 {
			return 0, unusual
		}
	}
	length, n := r.Header("Content-Length")
	if n == 0 {
		return size, complete
	}
	body, ok := decimal(length)
	_, upgrades := r.Header("Upgrade")
	if n > 1 || !ok || body > maxBody || upgrades > 0 {
		return 0, unusual
	}
	r.Length = body
	if len(b)-size < body {
		return size + body, incomplete
	}
	r.Body = b[size : size+body]
	return size + body, complete
}

// oddStart reports whether b cannot be the start of a usual request line, so that a client
// of TLS or another protocol gets its answer at once.
func oddStart(b []byte) bool { return len(b) > 0 && (b[0] < 'A' || b[0] > 'Z') }

func (r *Request) readLines(head []byte) bool {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	var ok bool
	var version []byte
	if r.Method, line, ok = bytes.Cut(line, []byte(" ")); !ok || len(r.Method) == 0 || !allBytes(r.Method, upperLetter) {
		return false
	}
	if r.Target, version, ok = bytes.Cut(line, []byte(" ")); !ok || string(version) != "HTTP/1.1" {
		return false
	}
	if len(r.Target) == 0 || r.Target[0] != '/' || !allBytes(r.Target, visible) || !wholeEscapes(r.Target) {
		return false
	}
	r.count, r.Body, r.Length = 0, nil, 0
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || !allBytes(name, tokenByte) || r.count == maxFields {
			return false
		}
		value = bytes.Trim(value, " \t")
		if !allBytes(value, fieldByte) {
			return false
		}
		r.fields[r.count] = requestField{name, value}
		r.count++
	}
	host, hosts := r.Header("Host")
	return hosts == 1 && allBytes(host, hostByte)
}

func allBytes(b []byte, ok func(byte) bool) bool {
	for _, c := range b {
		if !ok(c) {
			return false
		}
	}
	return true
}

func upperLetter(c byte) bool { return 'A' <= c && c <= 'Z' }

// visible reports whether a byte may be in a request target; net/http handles targets
// with others.
func visible(c byte) bool { return c > ' ' && c < 0x7f && c != '#' }

// wholeEscapes reports whether every % begins an escape.
func wholeEscapes(target []byte) bool {
	for i := bytes.IndexByte(target, '%'); i >= 0; i = bytes.IndexByte(target, '%') {
		if len(target) < i+3 || !isHex(target[i+1]) || !isHex(target[i+2]) {
			return false
		}
		target = target[i+3:]
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// fieldByte reports whether a byte may be in a field value (RFC 9110 §5.5), except for
// the obsolete bytes above ASCII.
func fieldByte(c byte) bool { return c >= ' ' && c < 0x7f || c == '\t' }

func tokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// hostByte reports whether a byte is usual in a host and port; net/http decides about
// others.
func hostByte(c byte) bool { return tokenByte(c) || c == '.' || c == ':' || c == '[' || c == ']' }

func decimal(b []byte) (n int, ok bool) {
	const mostDigits = 9
	if len(b) == 0 || len(b) > mostDigits {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}
