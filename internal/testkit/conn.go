package testkit

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// Conn is a bare TCP connection to the server, for what an HTTP client would
// not do.
type Conn struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

// Connect opens a connection that is closed with the test.
func Connect(t testing.TB, s *Server) *Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.Addr, Patience)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Conn{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// Write sends text as it is.
func (c *Conn) Write(text string) {
	c.t.Helper()
	if err := c.TryWrite(text); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// TryWrite is Write for a connection that the server may have ended.
func (c *Conn) TryWrite(text string) error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(Patience))
	_, err := io.WriteString(c.conn, text)
	return err
}

// Response reads the answer to a request with the given method.
func (c *Conn) Response(method string) *Response {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(Patience))
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("read the answer: %v", err)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return &Response{Status: resp.StatusCode, Header: resp.Header, t: c.t}
	}
	return read(c.t, resp)
}

// Rest reads to the end of the connection, however it ends.
func (c *Conn) Rest() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(Patience))
	b, err := io.ReadAll(c.in)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		c.t.Fatalf("the connection is still open after %v; got %q", Patience, b)
	}
	return string(b)
}

// Close ends the connection.
func (c *Conn) Close() { _ = c.conn.Close() }
