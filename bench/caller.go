package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

// caller is one keep-alive HTTP connection to the API, with one request on the
// way at most. It belongs to its loop's goroutine.
type caller struct {
	loop *loop
	conn *conn
	addr netip.AddrPort
	// answered hears of each answer; status is 0 if the connection broke.
	answered func(c *caller, status int, body []byte)

	stream    uint32
	busy      bool
	connected bool
	request   []byte // waits for the connection
}

// send sends a whole request. The caller must not be busy.
func (c *caller) send(request []byte) {
	c.busy = true
	if c.connected {
		c.loop.write(c.conn, request)
		return
	}
	c.request = append(c.request[:0], request...)
	if c.conn == nil {
		c.connect()
	}
}

func (c *caller) connect() {
	conn, err := c.loop.dial(c, 0, c.addr, netip.Addr{})
	if err != nil {
		c.ended(nil, err)
		return
	}
	c.conn = conn
}

// opened implements handler.
func (c *caller) opened(*conn) {
	c.connected = true
	if c.busy {
		c.loop.write(c.conn, c.request)
	}
}

// ended implements handler. Servers may end a connection that is idle.
func (c *caller) ended(_ *conn, err error) {
	c.conn, c.connected = nil, false
	if !c.busy {
		return
	}
	c.busy = false
	if err == nil {
		err = errors.New("closed by the server")
	}
	c.answered(c, 0, []byte(err.Error()))
}

// arrived implements handler.
func (c *caller) arrived(_ *conn, b []byte) int {
	r, err := readResponse(b)
	if err != nil {
		c.loop.lose(c.conn, err)
		return 0
	}
	if r.size == 0 {
		return 0
	}
	if !c.busy {
		c.loop.lose(c.conn, errors.New("an answer to no question"))
		return 0
	}
	c.busy = false
	if r.closes {
		c.loop.hangUp(c.conn, false)
		c.conn, c.connected = nil, false
	}
	c.answered(c, r.status, r.body)
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
		if length, err = strconv.Atoi(string(text)); err != nil || length < 0 || length > maxMessage {
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
