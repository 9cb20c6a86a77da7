package client

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

// Caller is one keep-alive HTTP connection to the API, with at most one request in
// progress. It belongs to its loop's goroutine.
type Caller struct {
	loop *Loop
	conn *Conn
	addr netip.AddrPort
	// Answered is called for each answer; status is 0 if the connection broke.
	Answered func(c *Caller, status int, body []byte)

	Stream    uint32
	busy      bool
	connected bool
	request   []byte // to be sent when the connection is open
}

// NewCaller returns a caller of a server. stream is a number for the use of whoever
// calls it.
func NewCaller(l *Loop, addr netip.AddrPort, stream uint32) *Caller {
	return &Caller{loop: l, addr: addr, Stream: stream}
}

// Send sends a whole request. The caller must not be busy.
func (c *Caller) Send(request []byte) {
	c.busy = true
	if c.connected {
		c.loop.Write(c.conn, request)
		return
	}
	c.request = append(c.request[:0], request...)
	if c.conn == nil {
		c.connect()
	}
}

func (c *Caller) connect() {
	conn, err := c.loop.Dial(c, 0, c.addr, netip.Addr{})
	if err != nil {
		c.Ended(nil, err)
		return
	}
	c.conn = conn
}

// Opened implements handler.
func (c *Caller) Opened(*Conn) {
	c.connected = true
	if c.busy {
		c.loop.Write(c.conn, c.request)
	}
}

// Ended implements handler. Servers may end a connection that is idle.
func (c *Caller) Ended(_ *Conn, err error) {
	c.conn, c.connected = nil, false
	if !c.busy {
		return
	}
	c.busy = false
	if err == nil {
		err = errors.New("closed by the server")
	}
	c.Answered(c, 0, []byte(err.Error()))
}

// Arrived implements handler.
func (c *Caller) Arrived(_ *Conn, b []byte) int {
	r, err := ReadResponse(b)
	if err != nil {
		c.loop.Lose(c.conn, err)
		return 0
	}
	if r.Size == 0 {
		return 0
	}
	if !c.busy {
		c.loop.Lose(c.conn, errors.New("the server sent an answer without a request"))
		return 0
	}
	c.busy = false
	if r.Closes {
		c.loop.HangUp(c.conn, false)
		c.conn, c.connected = nil, false
	}
	c.Answered(c, r.Status, r.Body)
	return r.Size
}

// Response is an HTTP/1.1 response. Size is its total length in bytes, 0 while it is
// incomplete. The body of a chunked response is a copy.
type Response struct {
	Status int
	Body   []byte
	Size   int
	Closes bool
}

var errResponse = errors.New("the benchmark cannot read the HTTP response")

// ReadResponse reads the response at the front of b. The body aliases b.
func ReadResponse(b []byte) (Response, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > 64<<10 {
			return Response{}, errResponse
		}
		return Response{}, nil
	}
	head := b[:end]
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.")) {
		return Response{}, fmt.Errorf("%w: %.40q", errResponse, head)
	}
	r := Response{}
	var err error
	if r.Status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return Response{}, fmt.Errorf("%w: %.40q", errResponse, head)
	}
	r.Closes = bytes.EqualFold(header(head, "connection"), []byte("close"))
	body := b[end+4:]
	if bytes.EqualFold(header(head, "transfer-encoding"), []byte("chunked")) {
		text, n, err := readChunks(body)
		if n == 0 || err != nil {
			return Response{}, err
		}
		r.Body, r.Size = text, end+4+n
		return r, nil
	}
	length := 0
	if text := header(head, "content-length"); text != nil {
		if length, err = strconv.Atoi(string(text)); err != nil || length < 0 || length > MaxMessage {
			return Response{}, fmt.Errorf("%w: Content-Length %.40q", errResponse, text)
		}
	} else if r.Status != 204 && r.Status != 304 {
		return Response{}, fmt.Errorf("%w: no Content-Length in %.200q", errResponse, head)
	}
	if len(body) < length {
		return Response{}, nil
	}
	r.Body, r.Size = body[:length], end+4+length
	return r, nil
}

// readChunks reads a chunked body without a trailer at the front of b (RFC 9112
// §7.1). size is its encoded length in bytes, 0 while it is incomplete.
func readChunks(b []byte) (body []byte, size int, err error) {
	body = []byte{}
	for rest := b; ; {
		line, after, ok := bytes.Cut(rest, []byte("\r\n"))
		if !ok {
			if len(rest) > 1<<10 {
				return nil, 0, fmt.Errorf("%w: a chunk of %.40q", errResponse, rest)
			}
			return nil, 0, nil
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 32)
		if err != nil || n > MaxMessage {
			return nil, 0, fmt.Errorf("%w: a chunk of %.40q", errResponse, line)
		}
		if len(after) < int(n)+2 {
			return nil, 0, nil
		}
		if string(after[n:n+2]) != "\r\n" {
			return nil, 0, fmt.Errorf("%w: a chunk has no line break at its end", errResponse)
		}
		body, rest = append(body, after[:n]...), after[n+2:]
		if n == 0 {
			return body, len(b) - len(rest), nil
		}
	}
}

// header returns the value of a header, its name in lower case; nil if absent.
func header(head []byte, name string) []byte {
	for rest := head; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return nil
		}
		rest = rest[i+1:]
		if len(rest) > len(name) && rest[len(name)] == ':' && bytes.EqualFold(rest[:len(name)], []byte(name)) {
			value, _, _ := bytes.Cut(rest[len(name)+1:], []byte("\r"))
			return bytes.TrimSpace(value)
		}
	}
}
