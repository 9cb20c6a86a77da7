package sockets

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/channels"
)

// streamPath is that of a request for a stream of a session, which the query names.
const streamPath = "/stream"

// carriedWithin is what the client of such a stream has to accept a piece.
const carriedWithin = time.Minute

// carry has the loop of a session write the response.
func (d *testDoor) carry(t *testing.T, s *Server, w http.ResponseWriter, r *http.Request) {
	receive := NewReceive(true)
	key := d.session(r.URL.RawQuery)
	if !s.Attach(key, receive) {
		s.OpenSession(key, netip.Addr{}, receive, Opening{App: d.app, Protocol: 7})
	}
	handedOf(r).Leave()
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	if d.undescribed.Load() {
		_ = conn.Close() // so take finds no descriptor, as where none is left
	}
	s.Carry(conn, rw.Reader, Carriage{Receive: receive, Within: carriedWithin, Response: carriedBy{d}})
}

// carriedBy is a response that says to the test when it has ended.
type carriedBy struct{ *testDoor }

func (carriedBy) AppendHead(dst []byte, length int, last bool) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\n"...)
	if last {
		dst = append(dst, "Connection: close\r\n"...)
	}
	if length < 0 {
		return append(dst, "Transfer-Encoding: chunked\r\n\r\n"...)
	}
	return fmt.Appendf(dst, "Content-Length: %d\r\n\r\n", length)
}

func (d carriedBy) Done(body int64) { d.carried <- body }

func (d *testDoor) session(random string) SessionKey {
	return SessionKey{AppID: d.app.ID, Random: random}
}

// ended is how long the body was of the next stream that ends.
func (d *testDoor) ended(t *testing.T) int64 {
	t.Helper()
	select {
	case n := <-d.carried:
		return n
	case <-time.After(patience):
		t.Fatal("no stream ends")
		return 0
	}
}

// openStream asks for a stream and reads its prelude and first lines.
func openStream(t *testing.T, address, random string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn := dialFront(t, address)
	_, _ = io.WriteString(conn, post(streamPath+"?"+random, ""))
	r, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	body := bufio.NewReaderSize(r.Body, 16)
	for _, want := range []string{"hhh", "o", `a["{\"event\":\"pusher:connection_established\"`} {
		streamLine(t, body, want)
	}
	return conn, body
}

func streamLine(t *testing.T, body *bufio.Reader, want string) {
	t.Helper()
	line, err := body.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, want) {
		t.Fatalf("got %.200q, %v, want %s…", line, err, want)
	}
}

// inSession runs f on the loop of a session and waits for it.
func inSession(t *testing.T, s *Server, key SessionKey, f func(c *conn, h *httpSession)) {
	t.Helper()
	done := make(chan struct{})
	if !s.onSession(key, func(c *conn, h *httpSession) { f(c, h); close(done) }) {
		t.Fatal("there is no session")
	}
	<-done
}

// A client that takes nothing of a stream for so long loses its connection, not its
// session. What it was not told is kept.
func TestCarry_AClientThatReadsNothing_LosesItsStream(t *testing.T) {
	address, door, server := behindFront(t, nil)
	client, _ := openStream(t, address, "a")
	_ = client.(*net.TCPConn).SetReadBuffer(4 << 10)
	key := door.session("a")
	const frames, size = 4, 50 << 10
	frame := channels.NewFrame([]byte(`{"event":"e","data":"` + strings.Repeat("x", size) + `"}`))
	inSession(t, server, key, func(_ *conn, h *httpSession) {
		_ = unix.SetsockoptInt(int(h.receive.carrier.fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<10)
	})
	inSession(t, server, key, func(c *conn, _ *httpSession) {
		for range frames {
			c.Send(frame)
		}
	})
	eventually(t, "the stream is stuck", func() (stuck bool) {
		inSession(t, server, key, func(_ *conn, h *httpSession) { stuck = h.receive.carrier.blocked })
		return stuck
	})
	halted(server.loops, func() { pass(server.loops, carriedWithin/2) })
	inSession(t, server, key, func(_ *conn, h *httpSession) {
		if h.receive == nil || h.receive.carrier == nil {
			t.Error("the stream has ended before its time")
		}
	})
	halted(server.loops, func() { pass(server.loops, carriedWithin) })
	if n := door.ended(t); n >= frames*size {
		t.Errorf("%d bytes of the stream were written to a client that reads nothing", n)
	}
	var waiting int
	eventually(t, "the session waits for another request", func() (without bool) {
		inSession(t, server, key, func(c *conn, h *httpSession) {
			without, waiting = h.receive == nil, c.queue.waiting()
		})
		return without
	})
	if waiting < frames*size {
		t.Errorf("%d bytes are kept for the next stream, want %d", waiting, frames*size)
	}
}

// A request that comes when the loops have stopped is closed, and nothing is left of
// it: no loop reads its mail any more.
func TestCarry_TheServerHasStopped_IsClosed(t *testing.T) {
	address, door, server := behindFront(t, nil)
	_, _ = openStream(t, address, "a")
	server.stop()
	conn := dialFront(t, address)
	_, _ = io.WriteString(conn, post(streamPath+"?a", ""))
	// It has taken the place of the first, which ends too.
	if one, other := door.ended(t), door.ended(t); min(one, other) != 0 {
		t.Errorf("%d and %d bytes were written, want none of the second stream", one, other)
	}
	if text, err := io.ReadAll(conn); len(text) > 0 || err != nil && !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("read %q, %v, want the end", text, err)
	}
}

// Another process accepts: a stream goes on until its session is sent there, and its
// connection ends behind the close.
func TestCarry_Succeeded_StreamsEndWithTheirSessions(t *testing.T) {
	address, door, server := behindFront(t, nil)
	_, body := openStream(t, address, "a")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := server.Succeed(ctx); err != nil {
		t.Fatalf("with a stream that is open: %v", err)
	}
	inSession(t, server, door.session("a"), func(c *conn, _ *httpSession) {
		c.Send(channels.NewFrame([]byte(`{"event":"e"}`)))
	})
	streamLine(t, body, `a["{\"event\":\"e\"}"]`)
	_ = door.listener.Load().Close()
	if err := server.Drain(ctx, 0); err != nil {
		t.Fatal(err)
	}
	streamLine(t, body, "c[4200,")
	if rest, err := io.ReadAll(body); len(rest) > 0 || err != nil {
		t.Errorf("behind the close: %q, %v", rest, err)
	}
	door.ended(t)
	awaitOnLoops(t, server, 0)
}

// A stream whose descriptor no loop can have ends, as one does whose client leaves:
// the session waits for another request.
func TestCarry_NoDescriptor_LeavesTheSession(t *testing.T) {
	address, door, server := behindFront(t, nil)
	door.undescribed.Store(true)
	client := dialFront(t, address)
	_, _ = io.WriteString(client, post(streamPath+"?a", ""))
	if n := door.ended(t); n != 0 {
		t.Errorf("%d bytes were written to nobody", n)
	}
	if text, err := io.ReadAll(client); len(text) > 0 || err != nil && !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("read %q, %v, want the end", text, err)
	}
	eventually(t, "the session waits for another request", func() (without bool) {
		inSession(t, server, door.session("a"), func(_ *conn, h *httpSession) { without = h.receive == nil })
		return without
	})
	door.undescribed.Store(false)
	_, _ = openStream(t, address, "a")
}
