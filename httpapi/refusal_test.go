package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// Every refusal there is, over every transport: the client gets its code, and
// the log a line that says the same. What an operator can change is a warning
// with a hint.
func TestConnectionRefused_EachHasItsLine(t *testing.T) {
	t.Parallel()
	named := func(id string, change func(*apps.App)) apps.App {
		return testkit.App(func(a *apps.App) {
			a.ID, a.Keys = id+"-id", []apps.Key{{Key: id, Secret: "hush"}}
			change(a)
		})
	}
	options := testkit.Options{
		Sockets: sockets.Config{CloseTimeout: time.Second, Capacity: sockets.Capacity{Sockets: 3, Hint: "sockets.max_connections is 3"}},
		Apps: []apps.App{
			testkit.App(),
			named("off", func(a *apps.App) { a.Enabled = false }),
			named("tls", func(a *apps.App) { a.RequireTLS = true }),
			named("page", func(a *apps.App) { a.AllowedOrigins = []string{"https://chat.example"} }),
		},
	}
	const page, https = "Origin: https://evil.example\r\n", "X-Forwarded-Proto: https\r\n"
	cases := []struct {
		name, key, query, header string
		full, drain              bool
		code                     string
		level                    string
		want                     map[string]string
	}{
		{name: "unknown key", key: "nobody", code: "4001", level: "WARN", want: map[string]string{"key": "nobody", "app": "", "reason": "Application does not exist", "hint": "no app has this key"}},
		{name: "disabled", key: "off", code: "4003", level: "DEBUG", want: map[string]string{"app": "off-id", "key": "off", "reason": "Application disabled"}},
		{name: "plain", key: "tls", code: "4000", level: "WARN", want: map[string]string{"app": "tls-id", "hint": "clients must use wss://…"}},
		{name: "https by an untrusted proxy", key: "tls", header: https, code: "4100", level: "WARN", want: map[string]string{"app": "tls-id", "hint": "if 127.0.0.1 is your proxy, add it to http.trusted_proxies"}},
		{name: "no protocol", key: "app-key", query: "client=js", code: "4008", level: "WARN", want: map[string]string{"app": "app-id", "hint": "sockets.allow_missing_protocol…"}},
		{name: "protocol of letters", key: "app-key", query: "protocol=x", code: "4006", level: "DEBUG", want: map[string]string{"app": "app-id"}},
		{name: "protocol 99", key: "app-key", query: "protocol=99", code: "4007", level: "DEBUG", want: map[string]string{"app": "app-id"}},
		{name: "origin", key: "page", header: page, code: "4009", level: "WARN", want: map[string]string{"app": "page-id", "origin": "https://evil.example", "reason": "Origin not allowed", "hint": "if the origin is yours, add it to the app's allowed_origins"}},
		{name: "full", key: "app-key", full: true, code: "4100", level: "WARN", want: map[string]string{"app": "app-id", "key": "…", "reason": "Over capacity", "hint": "sockets.max_connections is 3"}},
		{name: "draining", key: "app-key", drain: true, code: "4100", level: "DEBUG", want: map[string]string{"app": "app-id", "key": "", "reason": channels.Restarting.Message}},
	}
	sessions := 0
	session := func() string { // a new one each time: one that was closed is remembered
		sessions++
		return "secretid" + strconv.Itoa(sessions)
	}
	transports := map[string]func(t *testing.T, srv *testkit.Server, key, query, header string) string{
		"websocket": func(t *testing.T, srv *testkit.Server, key, query, header string) string {
			c := testkit.Connect(t, srv)
			c.Write("GET /app/" + key + "?" + query + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + header + "\r\n")
			c.Response("GET")
			c.Write(string(testkit.Masked(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))))
			return c.Rest()
		},
		"xhr_streaming": func(t *testing.T, srv *testkit.Server, key, query, header string) string {
			c := testkit.Connect(t, srv)
			c.Write("POST /pusher/app/" + key + "/7/" + session() + "/xhr_streaming?" + query + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n" + header + "\r\n")
			return c.Response("POST").Body
		},
		"xhr_polling": func(t *testing.T, srv *testkit.Server, key, query, header string) string {
			c := testkit.Connect(t, srv)
			c.Write("POST /pusher/app/" + key + "/7/" + session() + "/xhr?" + query + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" + header + "\r\n")
			return c.Response("POST").Body
		},
	}
	logged(t, slog.LevelDebug, options, func(t *testing.T, srv *testkit.Server, log *logLines) {
		n := 0
		for _, tc := range cases {
			for transport, open := range transports {
				n++
				var holders []*testkit.Client
				if tc.full {
					testkit.Eventually(t, "the server is empty", func() bool { return srv.Sockets.Sockets() == 0 })
					for range 3 {
						holders = append(holders, testkit.Dial(t, srv))
					}
				}
				if tc.drain { // the last of them
					srv.Hub.Close()
				}
				query := tc.query
				if query == "" {
					query = "protocol=7"
				}
				told := open(t, srv, tc.key, query, tc.header)
				if !strings.Contains(told, `"code":`+tc.code) && !strings.Contains(told, `\"code\":`+tc.code) {
					t.Errorf("%s over %s was told %q, want %s", tc.name, transport, told, tc.code)
				}
				want := map[string]string{"code": tc.code, "level": tc.level, "transport": transport, "address": "127.0.0.1", "key": tc.key}
				for k, v := range tc.want {
					want[k] = v
				}
				log.expect(n, "connection refused", want)
				for _, c := range holders {
					c.Close()
				}
				testkit.Eventually(t, "the refused are gone", func() bool { return srv.Sockets.Sockets() == 0 })
			}
		}
		if lines := log.with("connection refused"); len(lines) != n {
			t.Errorf("%d lines for %d refusals", len(lines), n)
		}
		expectNoSecret(t, log)
	})
}

// What opens has the same line whoever accepted it, and so has what the app's
// quota refuses.
func TestConnectionOpened_SaysWhoItIs(t *testing.T) {
	for name, portable := range map[string]bool{"loop": false, "net/http": true} {
		t.Run(name, func(t *testing.T) {
			log := &logLines{t: t}
			srv := testkit.Start(t, testkit.Options{
				Apps: []apps.App{testkit.App(func(a *apps.App) { a.Limits.MaxConnections = 2 })},
				Sockets: sockets.Config{
					Portable: portable, CloseTimeout: time.Second,
					Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
				},
				HTTP: func(c *httpapi.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} },
			})
			who := http.Header{"X-Forwarded-For": {"203.0.113.7"}, "Origin": {"https://chat.example"}}
			want := map[string]string{"app": "app-id", "address": "203.0.113.7", "proxy": "127.0.0.1", "origin": "https://chat.example", "client": "js 8.6.0"}
			testkit.Open(t, srv, testkit.Handshake{Header: who}).Established()
			x := newXHR(t, srv, "app-key/7/opened00")
			x.header = who
			x.established(x.poll())
			for i, transport := range []string{"websocket", "xhr_polling"} {
				want["transport"] = transport
				log.expect(i+1, "connection opened", want)
			}
			testkit.Open(t, srv, testkit.Handshake{Header: who}).ExpectRefusal(4004)
			x = newXHR(t, srv, "app-key/7/refused0")
			x.header = who
			x.poll()
			want["code"], want["level"] = "4004", "WARN"
			for i, transport := range []string{"websocket", "xhr_polling"} {
				want["transport"] = transport
				log.expect(i+1, "connection refused", want)
			}
		})
	}
}

// A path that leads nowhere is told apart from an unknown key, and shown.
func TestConnectionRefused_Path(t *testing.T) {
	logged(t, slog.LevelDebug, testkit.Options{}, func(t *testing.T, srv *testkit.Server, log *logLines) {
		testkit.Open(t, srv, testkit.Handshake{Path: "/ws/app/app-key"}).ExpectRefusal(4005)
		log.expect(1, "connection refused", map[string]string{"code": "4005", "level": "WARN", "path": "/ws/app/app-key", "key": "", "hint": "…"})
	})
}

// Proxies drop Upgrade and Connection unless told to pass them on. That has a
// hint; other broken handshakes have a line at debug.
func TestConnectionRefused_BrokenHandshakes(t *testing.T) {
	const version, key = "Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	logged(t, slog.LevelDebug, testkit.Options{}, func(t *testing.T, srv *testkit.Server, log *logLines) {
		for i, tc := range []struct {
			headers    string
			code       int
			level      string
			reason     string
			wantsAHint bool
		}{
			{version + key, 426, "WARN", "the header Upgrade is missing; a proxy has dropped it", true},
			{version + key + "Upgrade: websocket\r\n", 400, "WARN", "the header Connection must contain Upgrade…", true},
			{version + "Upgrade: websocket\r\nConnection: Upgrade\r\n", 400, "DEBUG", "Sec-WebSocket-Key must be sent once…", false},
			{key + "Upgrade: websocket\r\nConnection: Upgrade\r\n", 426, "DEBUG", "Sec-WebSocket-Version must be 13", false},
		} {
			c := testkit.Connect(t, srv)
			c.Write("GET /app/app-key?protocol=7 HTTP/1.1\r\nHost: x\r\n" + tc.headers + "\r\n")
			c.Response("GET").ExpectError(tc.code)
			want := map[string]string{"code": strconv.Itoa(tc.code), "level": tc.level, "reason": tc.reason, "transport": "websocket", "address": "127.0.0.1", "hint": ""}
			if tc.wantsAHint {
				want["hint"] = "the proxy must pass on…"
			}
			log.expect(i+1, "connection refused", want)
		}
		c := testkit.Connect(t, srv)
		c.Write("GET /app/app-key HTTP/1.1\r\nHost: x\r\n\r\n") // a person with a browser
		c.Response("GET").ExpectError(426, "ws://")
		log.expect(5, "request", map[string]string{"status": "426"})
		if n := len(log.with("connection refused")); n != 4 {
			t.Errorf("%d connections were refused", n)
		}
	})
}

// What a trusted proxy says of its client is in the line, and the proxy too.
func TestConnectionRefused_BehindAProxy(t *testing.T) {
	o := testkit.Options{HTTP: func(c *httpapi.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }}
	logged(t, slog.LevelInfo, o, func(t *testing.T, srv *testkit.Server, log *logLines) {
		testkit.Open(t, srv, testkit.Handshake{App: "nobody", Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}}}).ExpectRefusal(4001)
		log.expect(1, "connection refused", map[string]string{"address": "203.0.113.7", "proxy": "127.0.0.1"})
	})
}

// pusher-js comes back over TLS in the instant in which it is told 4000. If
// that does not help, it must not go on without end.
func TestConnectionRefused_TLSWithoutEnd_BacksOff(t *testing.T) {
	clock := testkit.NewClock(time.Now())
	o := testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) { a.RequireTLS = true })}}
	o.Hub.Now = clock.Now
	logged(t, slog.LevelInfo, o, func(t *testing.T, srv *testkit.Server, _ *logLines) {
		for range 20 {
			testkit.Open(t, srv, testkit.Handshake{}).ExpectRefusal(4000)
		}
		for range 5 {
			testkit.Open(t, srv, testkit.Handshake{}).ExpectRefusal(4100)
		}
		clock.Advance(10 * time.Second)
		testkit.Open(t, srv, testkit.Handshake{}).ExpectRefusal(4000)
	})
}

// Clients of a proxy that is not trusted share its address, and its bounds. The
// log says which proxy it is and what to set.
func TestConnectionRefused_TooManyOfOneAddress(t *testing.T) {
	clock := testkit.NewClock(time.Now())
	o := testkit.Options{HTTP: func(c *httpapi.Config) { c.Fallback.OpensPerAddress, c.MaxHandshakesPerAddress = 2, 3 }}
	o.Hub.Now = clock.Now
	logged(t, slog.LevelInfo, o, func(t *testing.T, srv *testkit.Server, log *logLines) {
		for i := range 3 {
			newXHR(t, srv, "app-key/7/open"+strconv.Itoa(i)).poll()
		}
		log.expect(1, "connection refused", map[string]string{
			"level": "WARN", "code": "4100", "app": "app-id", "address": "127.0.0.1", "transport": "xhr_polling",
			"reason": "Too many sessions from this address (127.0.0.1)",
			"hint":   "if the address is your proxy's, add it to http.trusted_proxies; if not, fallback.opens_per_address is 2",
		})
		var held []*testkit.Conn
		for range 4 {
			c := testkit.Connect(t, srv)
			_ = c.TryWrite("GET /")
			held = append(held, c)
		}
		log.expect(2, "connection refused", map[string]string{
			"level": "WARN", "code": "429", "address": "127.0.0.1", "reason": "Too many unfinished requests from this address (127.0.0.1)",
			"hint": "if the address is your proxy's, add it to http.trusted_proxies; if not, sockets.handshakes_per_address is 3",
		})
		for _, c := range held {
			c.Close()
		}
	})
}

// expectNoSecret looks for what no line may hold.
func expectNoSecret(t *testing.T, log *logLines) {
	t.Helper()
	for _, secret := range []string{"auth_signature=", "auth_of_mine", "=abc", "hush", "app-secret", "secretid", "body_md5="} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, log.String())
		}
	}
}
