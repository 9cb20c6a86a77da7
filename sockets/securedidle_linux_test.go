package sockets

import (
	"runtime"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// What crypto/tls keeps is known, and taken away while a socket is idle; an idle
// socket has no goroutine either.
func TestTLS_AnIdleSocket_HasNoBufferAndNoGoroutine(t *testing.T) {
	versionsOf(t, Config{}, nil, func(h *harness, version uint16) {
		h.recordPeer(version) // all loops run
		before := runtime.NumGoroutine()
		for range 20 {
			p, c := h.recordPeer(version)
			p.send(`{"event":"pusher:ping","data":"` + strings.Repeat("x", 30_000) + `"}`)
			p.expect("pusher:pong")
			long := c.record(recordData, masked(ws.OpPong, true, make([]byte, 100)))
			h.part(c, long[:60])
			p.writeBelow(long[60:])
			p.ping()
		}
		h.until("handshakes have ended", func() bool { return runtime.NumGoroutine() <= before })
		sockets := 0
		h.secured(func(_ *conn, s *securedLink) {
			sockets++
			if s.records == nil || s.messages == nil {
				t.Fatal("this version of crypto/tls has other fields: see buffersOf")
			}
			if n := s.records.Cap() + s.messages.Cap() + cap(s.rest) + len(s.come); n != 0 {
				t.Errorf("an idle socket keeps %d bytes", n)
			}
		})
		if sockets != 21 {
			t.Errorf("%d sockets are on loops", sockets)
		}
	})
}
