package sockets

import (
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/internal/testkit/logbook"
	"fanfare/pusherproto"
)

func logged(t *testing.T, level slog.Level, change func(*apps.App), test func(h *harness, b *logbook.Book)) {
	t.Helper()
	var b *logbook.Book
	for _, portable := range []bool{false, true} {
		b = logbook.New(level)
		h := start(t, Config{Logger: b.Logger, Portable: portable, QueueBytes: 64 << 10}, change)
		test(h, b)
	}
}

func TestLog_OpenedAndClosedByTheClient(t *testing.T) {
	logged(t, slog.LevelDebug, nil, func(h *harness, b *logbook.Book) {
		h.opening.Store(&Opening{App: h.app, Protocol: 7, Peer: &Peer{
			Address: netip.MustParseAddr("192.0.2.1"), Proxy: netip.MustParseAddr("127.0.0.1"), Origin: "https://a.example", Client: "js 8.4.0",
		}})
		p := h.dial()
		b.Expect(h, "level=DEBUG", `msg="connection opened"`, "app=1", "socket="+p.id, "transport=websocket", "protocol=7", "address=192.0.2.1",
			"proxy=127.0.0.1", "origin=https://a.example", `client="js 8.4.0"`)
		h.until("the greeting counts as sent", func() bool { return h.hub.Stats().FramesSent > 0 })
		p.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(4321, "bye")))
		line := b.Expect(h, "level=DEBUG", `msg="connection closed"`, "app=1", "socket="+p.id, "code=4321", "reason=bye", "by=client")
		if !strings.Contains(line, " lived=") { // 0s, or 1s if a second of the loop's has begun meanwhile
			h.Errorf("how long it lived is not in %s", line)
		}
		if strings.Contains(line, "received=0") || strings.Contains(line, "sent=0") {
			h.Errorf("no bytes are counted in %s", line)
		}
	})
}

func TestLog_AddressOfTheConnectionItself(t *testing.T) {
	logged(t, slog.LevelDebug, nil, func(h *harness, b *logbook.Book) {
		p := h.dial()
		line := b.Expect(h, `msg="connection opened"`, "socket="+p.id, "address=127.0.0.1")
		for _, key := range []string{"proxy=", "origin=", "client="} {
			if strings.Contains(line, key) {
				h.Errorf("%s holds %s", line, key)
			}
		}
	})
}

func TestLog_ClosedByServerAndNetwork(t *testing.T) {
	logged(t, slog.LevelDebug, nil, func(h *harness, b *logbook.Book) {
		p := h.dial()
		p.frame(ws.NewBinaryFrame([]byte{1}))
		b.Expect(h, `msg="connection closed"`, "socket="+p.id, "code=1003", "by=server", `reason="binary messages are not supported"`)

		p = h.dial()
		_ = p.conn.Close()
		b.Expect(h, `msg="connection closed"`, "socket="+p.id, "code=1006", "by=network", `reason="`+withoutFarewell+`"`)

		p = h.dial()
		_ = p.tcp.SetLinger(0)
		_ = p.conn.Close()
		b.Expect(h, `msg="connection closed"`, "socket="+p.id, "code=1006", "by=network", `reason="connection reset by peer"`)

		if n := b.Count(`msg="connection closed"`); n != 3 {
			h.Errorf("%d connections are said to have closed, want 3", n)
		}
	})
}

// Both are warnings: somebody has to look after them.
func TestLog_QuotaAndSlowReaderAreWarnings(t *testing.T) {
	logged(t, slog.LevelWarn, func(a *apps.App) { a.Limits.MaxConnections = 1 }, func(h *harness, b *logbook.Book) {
		p := h.subscribed("c")
		h.raw().expectClose(pusherproto.CodeOverQuota)
		b.Expect(h, "level=WARN", `msg="connection refused"`, "app=1", "code=4004", `reason="Application is over connection quota"`,
			"transport=websocket", "address=127.0.0.1")
		if n := b.Count(`msg="connection closed"`); n != 0 {
			h.Error("a refused connection is said to have been open")
		}
		event := strings.Repeat("x", 8000)
		h.until("the reader is too slow", func() bool {
			h.publish("c", event)
			return b.Count("level=WARN", `msg="connection closed"`, "app=1", "socket="+p.id, "code=4100", "by=server") == 1
		})
	})
}

func TestLog_HTTPSessions(t *testing.T) {
	t.Parallel()
	for streaming, transport := range map[bool]string{true: "xhr_streaming", false: "xhr_polling"} {
		b := logbook.New(slog.LevelDebug)
		h := start(t, Config{Logger: b.Logger, ReceiveWithin: time.Second}, func(a *apps.App) { a.Limits.MaxConnections = 1 })
		key := SessionKey{AppID: "1", Random: "secret-session"}
		h.server.OpenSession(key, netip.MustParseAddr("192.0.2.9"), NewReceive(streaming), Opening{App: h.app, Protocol: 7})
		b.Expect(t, `msg="connection opened"`, "app=1", "transport="+transport, "address=192.0.2.9")

		r := NewReceive(streaming)
		h.server.OpenSession(SessionKey{AppID: "1", Random: "another"}, netip.MustParseAddr("192.0.2.9"), r, Opening{App: h.app, Protocol: 7})
		b.Expect(t, "level=WARN", `msg="connection refused"`, "app=1", "code=4004", "transport="+transport, "address=192.0.2.9")

		h.server.onSession(key, func(c *conn, hs *httpSession) {
			hs.receive = nil
			hs.settle(c)
		})
		b.Expect(t, `msg="connection closed"`, "app=1", "code=1006", "by=network", `reason="the client made no further request"`)
		for _, line := range b.Lines() {
			if strings.Contains(line, "secret-session") {
				t.Errorf("the session's secret is in %s", line)
			}
		}
	}
}

func TestLog_EndOfTheServer(t *testing.T) {
	b := logbook.New(slog.LevelDebug)
	var conn net.Conn
	t.Run("server", func(t *testing.T) {
		h := start(t, Config{Logger: b.Logger}, nil)
		var err error
		if conn, _, err = h.connect(); err != nil { // outlives the server
			t.Fatal(err)
		}
		b.Expect(t, `msg="connection opened"`)
	})
	_ = conn.Close()
	b.Expect(t, `msg="connection closed"`, "app=1", "code=1006", "by=server", `reason="the server stopped"`)
}

// What is off costs nothing.
func TestLog_OffAllocatesNothing(t *testing.T) {
	h := start(t, Config{Loops: 1}, nil)
	h.dial()
	l := h.server.loops[0]
	h.on(l, func() {
		c := l.slots[0].conn
		o := &Opening{App: h.app, Protocol: 7}
		if n := testing.AllocsPerRun(100, func() {
			c.logOpened(o, webSocket)
			c.noteClose(byClient, 1000, "")
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
