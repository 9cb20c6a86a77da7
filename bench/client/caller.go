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
	request   []byte // waits for the connection
}

// NewCaller returns a caller of a server. stream is a number of its user's.
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
	r, err := readResponse(b)
	if err != nil {
		c.loop.Lose(c.conn, err)
		return 0
	}
	if r.size == 0 {
		return 0
	}
	if !c.busy {
		c.loop.Lose(c.conn, errors.New("an answer without a request"))
		return 0
	}
	c.busy = false
	if r.closes {
		c.loop.HangUp(c.conn, false)
		c.conn, c.connected = nil, false
	}
	c.Answered(c, r.status, r.body)
	return r.size
}

// response is an HTTP/1.1 response. size is its length in all, 0 while it is
// incomplete.
type response struct {
	status int
	body   []byte // of a chunked one the chunks with their lengths
	size   int
	closes bool
}

var errResponse = errors.New("an HTTP response that the benchmark cannot read")

// readResponse reads the response at the front of b. The body aliases b.
func readResponse(b []byte) (response, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > 64<<10 {
			return response{}, errResponse
		}
		return response{}, nil
	}
	head := b[:end]
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.")) {
		return response{}, fmt.Errorf("%w: %.40q", errResponse, head)
	}
	r := response{}
	var err error
	if r.status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return response{}, fmt.Errorf("%w: %.40q", errResponse, head)
	}
	r.closes = bytes.EqualFold(header(head, "connection"), []byte("close"))
	body := b[end+4:]
	if bytes.EqualFold(header(head, "transfer-encoding"), []byte("chunked")) {
		last := bytes.Index(body, []byte("0\r\n\r\n"))
		if last < 0 {
			return response{}, nil
		}
		r.body, r.size = body[:last], end+4+last+5
		return r, nil
	}
	length := 0
	if text := header(head, "content-length"); text != nil {
		if length, err = strconv.Atoi(string(text)); err != nil || length < 0 || length > MaxMessage {
			return response{}, fmt.Errorf("%w: Content-Length %.40q", errResponse, text)
		}
	} else if r.status != 204 && r.status != 304 {
		return response{}, fmt.Errorf("%w: no Content-Length in %.200q", errResponse, head)
	}
	if len(body) < length {
		return response{}, nil
	}
	r.body, r.size = body[:length], end+4+length
	return r, nil
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
