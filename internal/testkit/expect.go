package testkit

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/gobwas/ws"

	"fanfare/pusherproto"
)

// largestFrame is more than the server ever has a reason to send.
const largestFrame = 64 << 20

// Frame reads the next frame, whatever it is.
func (c *Client) Frame() ws.Frame {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(Patience))
	h, err := ws.ReadHeader(c.in)
	if err != nil {
		c.t.Fatalf("read a frame: %v", err)
	}
	if h.Masked || !h.Fin || h.Rsv != 0 || h.Length > largestFrame {
		c.t.Fatalf("the server sent a frame with the header %+v", h)
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		c.t.Fatalf("read the payload of %+v: %v", h, err)
	}
	return ws.Frame{Header: h, Payload: payload}
}

// Next reads the next text message. Pings of the server are answered.
func (c *Client) Next() string {
	c.t.Helper()
	for {
		f := c.Frame()
		switch f.Header.OpCode {
		case ws.OpText:
			return string(f.Payload)
		case ws.OpPing:
			c.SendFrame(ws.NewPongFrame(f.Payload))
		case ws.OpClose:
			code, reason := ws.ParseCloseFrameData(f.Payload)
			c.t.Fatalf("got close %d %q, want a message", code, reason)
		default:
			c.t.Fatalf("got a frame %+v, want a message", f.Header)
		}
	}
}

// Expect reads the next message, which must be want, and returns it.
func (c *Client) Expect(want string) string {
	c.t.Helper()
	got := c.Next()
	if !matches(want, got) {
		c.t.Fatalf("\ngot  %s\nwant %s", got, want)
	}
	return got
}

// ExpectAny reads as many messages as there are wants; each must match one of
// them, in any order.
func (c *Client) ExpectAny(wants ...string) {
	c.t.Helper()
	for len(wants) > 0 {
		got := c.Next()
		found := -1
		for i, want := range wants {
			if matches(want, got) {
				found = i
				break
			}
		}
		if found < 0 {
			c.t.Fatalf("\ngot  %s\nwant one of\n     %s", got, strings.Join(wants, "\n     "))
		}
		wants = append(wants[:found:found], wants[found+1:]...)
	}
}

// ExpectError reads a pusher:error with the code; 0 is null.
func (c *Client) ExpectError(code int) string {
	c.t.Helper()
	return c.Expect(errorText(code))
}

func errorText(code int) string {
	return string(pusherproto.AppendError(nil, "", code, "…"))
}

// ExpectClose reads a close frame with the code, answers it, and waits for the
// end of the connection. It returns the reason.
func (c *Client) ExpectClose(code int) string {
	c.t.Helper()
	f := c.Frame()
	if f.Header.OpCode != ws.OpClose {
		c.t.Fatalf("got  %s\nwant close %d", f.Payload, code)
	}
	got, reason := ws.ParseCloseFrameData(f.Payload)
	if int(got) != code {
		c.t.Fatalf("got close %d %q, want %d", got, reason, code)
	}
	// The server may be gone already, if the close answers one of ours.
	_ = c.conn.SetWriteDeadline(time.Now().Add(Patience))
	_, _ = c.conn.Write(Masked(ws.NewCloseFrame(f.Payload)))
	c.ExpectEnd()
	return reason
}

// ExpectRefusal reads an error and a close, both with the code and the same
// text, and returns it.
func (c *Client) ExpectRefusal(code int) string {
	c.t.Helper()
	text := c.ExpectError(code)
	reason := c.ExpectClose(code)
	if want := string(pusherproto.AppendError(nil, "", code, reason)); text != want {
		c.t.Fatalf("\ngot   %s\nclose %d %q", text, code, reason)
	}
	return reason
}

// ExpectEnd waits for the end of the TCP connection, before which nothing more
// may come.
func (c *Client) ExpectEnd() {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(Patience))
	b, err := c.in.ReadByte()
	if err == nil {
		c.t.Fatalf("got a further byte %#x, want the end of the connection", b)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("read: %v, want the end of the connection", err)
	}
	_ = c.conn.Close()
}

// Quiet checks that nothing is on its way to the client: two pings are
// answered by two pongs and nothing else. A loop reads before it takes its mail, so a
// frame posted before the first ping may be behind the first pong, never behind the second.
func (c *Client) Quiet() {
	c.t.Helper()
	for range 2 {
		c.Send(`{"event":"pusher:ping","data":{}}`)
		c.Expect(string(pusherproto.AppendPong(nil)))
	}
}

// matches compares texts; "…" in want stands for anything.
func matches(want, got string) bool {
	parts := strings.Split(want, "…")
	if len(parts) == 1 {
		return want == got
	}
	got, ok := strings.CutPrefix(got, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(got, part)
		if i < 0 {
			return false
		}
		got = got[i+len(part):]
	}
	return strings.HasSuffix(got, parts[len(parts)-1])
}
