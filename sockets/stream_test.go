package sockets

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/internal/account"
)

// A peer may send its close frame while the server's is being written. The server
// ends the connection when both are over, without waiting for the peer to do so
// (RFC 6455 §7.1.1).
func TestStream_CloseFramesCross_EndsTheConnection(t *testing.T) {
	for _, c := range []struct {
		name  string
		close func(h *harness)
	}{
		{"the server's first", func(h *harness) { h.renew(func(a *apps.App) { a.Enabled = false }) }},
		{"the client's first", func(*harness) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, Config{CloseTimeout: time.Hour, Portable: true}, nil)
			client, server := net.Pipe() // a write lasts until it is read
			t.Cleanup(func() { _ = client.Close() })
			h.server.Serve(server, nil, *h.opening.Load())
			p := &peer{t: t, conn: client}
			p.expect("pusher:connection_established")
			c.close(h)
			p.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
			for p.read().Header.OpCode != ws.OpClose {
			}
			_ = client.SetReadDeadline(time.Now().Add(patience))
			if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("behind the close frame it reads %v", err)
			}
		})
	}
}

// A stream has a large buffer only while more than the small one holds comes at
// a time, and is counted with it then.
func TestStream_LargeMessages_CountALargeBuffer(t *testing.T) {
	linksOf(t, Config{Portable: true}, nil, func(h *harness) {
		p := h.dial()
		held := h.hub.Account(h.app)
		idle := held.BytesOf(account.Sockets)
		for range 3 {
			p.send(`{"event":"pusher:ping","data":{"x":"` + strings.Repeat("x", 3000) + `"}}`)
			p.expect("pusher:pong")
			h.until("a large buffer is counted", func() bool { return held.BytesOf(account.Sockets) == idle+streamRead })
			p.ping()
			h.until("a small one is counted again", func() bool { return held.BytesOf(account.Sockets) == idle })
		}
		p.send(`{"event":"pusher:ping","data":{"x":"` + strings.Repeat("x", 3000) + `"}}`)
		p.expect("pusher:pong")
		_ = p.conn.Close()
		h.until("nothing is counted behind the end", func() bool { return held.BytesOf(account.Sockets) == 0 })
	})
}
