package httpapi_test

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// See docs/spec/edge-cases.md, cases 1 to 8, 92, 93. What a handshake opens does
// not depend on whether a loop or net/http answers it, nor does it get lost
// when the client says goodbye in the same segment.
func TestRoads_SameHandshakeSameOpening(t *testing.T) {
	start := func(portable bool) *testkit.Server {
		return testkit.Start(t, testkit.Options{
			Apps: []apps.App{
				testkit.App(func(a *apps.App) { a.AllowedOrigins = []string{"ok.example"} }),
				testkit.App(func(a *apps.App) { a.ID, a.Keys, a.Enabled = "off", []apps.Key{{Key: "off", Secret: "s"}}, false }),
				testkit.App(func(a *apps.App) { a.ID, a.Keys, a.RequireTLS = "tls", []apps.Key{{Key: "tls", Secret: "s"}}, true }),
			},
			Sockets: sockets.Config{Portable: portable},
			HTTP: func(c *httpapi.Config) {
				c.PathPrefix = "/rt"
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			},
		})
	}
	loops, plain := start(false), start(true)

	const usual = "GET /app/app-key?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	var sent []string
	with := func(old string, fresh ...string) {
		if !strings.Contains(usual, old) {
			t.Fatalf("there is no %q", old)
		}
		for _, f := range fresh {
			sent = append(sent, strings.Replace(usual, old, f, 1))
		}
	}
	with("/app/app-key?protocol=7",
		"/app/app-key?protocol=7", "/app/app-key", "/app/app-key?protocol=", "/app/app-key?protocol=abc", "/app/app-key?protocol=99",
		"/app/app-key?protocol=7&protocol=3", "/app/app-key?Protocol=7", "/app/app-key?protocol=%37", "/app/app-key?protocol=7;x",
		"/app/%61pp-key?protocol=7", "/app/app-key%2F?protocol=7", "/app/app-key%252F?protocol=7", "/app/%2e%2e/app-key?protocol=7",
		"/app/../app/app-key?protocol=7", "/app/app-key/?protocol=7", "//app/app-key?protocol=7", "/rt/app/app-key?protocol=7",
		"/rt/rt/app/app-key?protocol=7", "/app/?protocol=7", "/app?protocol=7", "/?protocol=7", "/apps/app-id/events?protocol=7",
		"/app/"+strings.Repeat("k", 10<<10)+"?protocol=7", "/app/%ff%fe?protocol=7", "/app/%00?protocol=7", "/app/\xff?protocol=7",
		"/app/a%zz?protocol=7", "/app/off?protocol=7", "/app/tls?protocol=7", "/app/nobody?protocol=7", "/healthz",
		"http://x/app/app-key?protocol=7",
	)
	with("Host: x", "Host:", "Host: \t", "Host: y:1")
	with("\r\n\r\n",
		"\r\nOrigin: https://ok.example\r\n\r\n", "\r\nOrigin: http://bad.example\r\n\r\n", "\r\nOrigin: null\r\n\r\n", "\r\nOrigin:\r\n\r\n",
		"\r\nOrigin: http://ok.example\r\nOrigin: http://bad.example\r\n\r\n", "\r\norigin: http://bad.example\r\n\r\n",
		"\r\nContent-Length: 0\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "\r\nSec-WebSocket-Protocol: a, b\r\n\r\n",
		"\r\nTE: trailers\r\n\r\n", "\r\nCookie: a=\xff\r\n\r\n", "\r\n"+strings.Repeat("A: b\r\n", 60)+"\r\n",
	)
	for _, proto := range []string{
		"X-Forwarded-Proto: https", "X-Forwarded-Proto: https, http", "X-Forwarded-Proto: http, wss",
		"X-Forwarded-Proto: http\r\nX-Forwarded-Proto: https", "X_Forwarded_Proto: https",
	} {
		with("app-key?protocol=7 HTTP/1.1\r\n", "tls?protocol=7 HTTP/1.1\r\n"+proto+"\r\n")
	}
	with("Upgrade: websocket", "Upgrade: WebSocket", "Upgrade: h2c, websocket", "Upgrade: websocket\r\nUpgrade: h2c", "Upgrade: h2c", "Upgrade: websocket/13")
	with("Connection: Upgrade", "Connection: keep-alive, Upgrade", "Connection: keep-alive\r\nConnection: upgrade", "Connection: upgraded", "A: b")
	with("13", "8", " 13 ", "013", "13\r\nSec-WebSocket-Version: 13", "13, 8")
	with("dGhlIHNhbXBsZSBub25jZQ==", "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZR==", strings.Repeat("!", 24),
		"dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
	with("HTTP/1.1", "HTTP/1.0", "HTTP/1.2")
	with("GET", "POST", "get")

	// Around the header limit, by one byte each.
	for _, size := range []int{16<<10 - 1, 16 << 10, 16<<10 + 1, 16<<10 + 2, 16<<10 + 5, 18 << 10, 20<<10 - 1, 20 << 10, 20<<10 + 1} {
		sent = append(sent, padded(usual, size))
	}
	for _, text := range sent {
		want, got := opening(t, plain, text), opening(t, loops, text)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.400q\n(-net/http +loop)\n%s", text, diff)
		}
	}
}

// padded is a request whose line and headers have a size, without the empty
// line.
func padded(request string, size int) string {
	head, rest, _ := strings.Cut(request, "\r\n\r\n")
	return head + "\r\nA:" + strings.Repeat("b", size-len(head)-len("\r\nA:")) + "\r\n\r\n" + rest
}

// opening is the answer to a handshake and, if it opens a WebSocket, the frames
// in it. The client closes it at once.
func opening(t *testing.T, s *testkit.Server, text string) string {
	t.Helper()
	c := testkit.Connect(t, s)
	c.Write(text + string(ws.MustCompileFrame(ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))))))
	r := c.Response("GET")
	line := fmt.Sprintf("%d %s", r.Status, r.Body)
	for _, k := range slices.Sorted(maps.Keys(r.Header)) {
		if k != "Date" && k != "X-Request-Id" {
			line += fmt.Sprintf(" %s=%q", k, r.Header[k])
		}
	}
	if r.Status == 101 {
		frames := c.Rest()
		if !strings.Contains(frames, "pusher:") || !strings.Contains(frames, "\x88") {
			t.Fatalf("%.400q opens with %q, without an event or a close frame", text, frames)
		}
		line += regexp.MustCompile(`\d+\.\d+`).ReplaceAllString(frames[2:], "ID") // the length depends on it
	}
	return line
}
