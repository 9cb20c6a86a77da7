package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

const (
	handshakeTimeout = 10 * time.Second // for the connection and the upgrade, then for the first message
	sendTimeout      = 10 * time.Second
	longestMessage   = 64 << 20
)

// socket is a WebSocket to a server. One goroutine reads it. The caller of
// dialSocket does everything else, and closes it.
type socket struct {
	conn    net.Conn
	in      chan incoming
	gone    chan struct{} // closed when nobody receives from in any more
	reading sync.WaitGroup
}

// incoming is a message or control frame that arrived, or the error that ended the
// reading.
type incoming struct {
	op      ws.OpCode
	payload []byte
	err     error
}

// dialSocket opens a WebSocket at a path of a server.
func (p peer) dialSocket(ctx context.Context, path string) (*socket, error) {
	d := ws.Dialer{Timeout: handshakeTimeout, NetDial: p.dialer(), TLSConfig: p.trust}
	conn, early, _, err := d.Dial(ctx, "ws"+strings.TrimPrefix(p.base, "http")+path)
	var status ws.StatusError
	switch {
	case errors.As(err, &status):
		return nil, closed{reason: fmt.Sprintf("the answer is %d instead of a WebSocket", int(status))}
	case err != nil:
		return nil, closed{reason: notReached(err)}
	}
	s := &socket{conn: conn, in: make(chan incoming), gone: make(chan struct{})}
	source := io.Reader(conn)
	if early != nil {
		source = io.MultiReader(early, conn)
	}
	s.reading.Go(func() { _ = s.hand(incoming{err: s.read(source)}) })
	return s, nil
}

// read passes on what arrives, and returns why nothing more does.
func (s *socket) read(source io.Reader) error {
	r := &wsutil.Reader{Source: source, State: ws.StateClientSide, MaxMessageSize: longestMessage, OnIntermediate: func(h ws.Header, body io.Reader) error {
		return s.take(h.OpCode, body)
	}}
	for {
		h, err := r.NextFrame()
		if err != nil {
			return err
		}
		if err := s.take(h.OpCode, r); err != nil {
			return err
		}
	}
}

func (s *socket) take(op ws.OpCode, body io.Reader) error {
	payload, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return s.hand(incoming{op: op, payload: payload})
}

func (s *socket) hand(i incoming) error {
	select {
	case s.in <- i:
		return nil
	case <-s.gone:
		return net.ErrClosed
	}
}

// send writes a frame. It masks payload in place.
func (s *socket) send(op ws.OpCode, payload []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	return ws.WriteFrame(s.conn, ws.MaskFrameInPlace(ws.NewFrame(op, true, payload)))
}

// close sends a close frame and closes the connection, without waiting for an
// answer.
func (s *socket) close() {
	_ = s.send(ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
	close(s.gone)
	_ = s.conn.Close()
	s.reading.Wait()
}

// closed is the error of a connection that ended or could not be opened. It has
// the code and reason of the server's close frame, or code 0 and what happened.
type closed struct {
	code   int
	reason string
}

func (c closed) Error() string {
	switch {
	case c.code == 0:
		return c.reason
	case c.reason == "":
		return fmt.Sprintf("the server closed the connection with %d", c.code)
	}
	return fmt.Sprintf("the server closed the connection with %d: %s", c.code, c.reason)
}

// final reports whether the code forbids a reconnection
// (docs/spec/websocket.md#close-codes).
func (c closed) final() bool {
	return c.code >= 4000 && c.code < 4100 || c.code >= 4300 && c.code < 5000
}

// atOnce reports whether the code asks for a reconnection without a pause.
func (c closed) atOnce() bool { return c.code >= 4200 && c.code < 4300 }
