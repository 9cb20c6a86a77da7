package httpapi_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// See docs/spec/edge-cases.md, cases 1, 2, 3, 8, 92, 93;
// docs/spec/websocket.md#refusing-a-connection.
func TestUpgrade_Refusals(t *testing.T) {
	named := func(id string, change func(*apps.App)) apps.App {
		return testkit.App(func(a *apps.App) {
			a.ID, a.Keys = id, []apps.Key{{Key: id, Secret: "s"}}
			change(a)
		})
	}
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{
		testkit.App(),
		named("disabled", func(a *apps.App) { a.Enabled = false }),
		named("full", func(a *apps.App) { a.Limits.MaxConnections = 1 }),
		named("tls", func(a *apps.App) { a.RequireTLS, a.Enabled = true, false }),
		named("origin", func(a *apps.App) { a.AllowedOrigins = []string{"https://chat.example"} }),
	}})
	testkit.Open(t, srv, testkit.Handshake{App: "full"}).Established()
	for name, tc := range map[string]struct {
		h    testkit.Handshake
		code int
	}{
		"unknown key":           {testkit.Handshake{App: "nope"}, 4001},
		"unknown key, bad rest": {testkit.Handshake{App: "nope", Query: "protocol=x"}, 4001},
		"disabled":              {testkit.Handshake{App: "disabled"}, 4003},
		"over quota":            {testkit.Handshake{App: "full"}, 4004},
		"plain to tls only":     {testkit.Handshake{App: "tls"}, 4000},
		"tls before protocol":   {testkit.Handshake{App: "tls", Query: "a=b"}, 4000},
		"forwarded, no proxy":   {testkit.Handshake{App: "tls", Header: http.Header{"X-Forwarded-Proto": {"https"}}}, 4100},
		"protocol absent":       {testkit.Handshake{Query: "client=js"}, 4008},
		"protocol empty":        {testkit.Handshake{Query: "protocol="}, 4008},
		"protocol text":         {testkit.Handshake{Query: "protocol=abc"}, 4006},
		"protocol 3":            {testkit.Handshake{Query: "protocol=3"}, 4007},
		"protocol 8":            {testkit.Handshake{Query: "protocol=8"}, 4007},
		"protocol 99":           {testkit.Handshake{Query: "protocol=99"}, 4007},
		"protocol -7":           {testkit.Handshake{Query: "protocol=-7"}, 4007},
		"protocol 7.0":          {testkit.Handshake{Query: "protocol=7.0"}, 4006},
		"first protocol counts": {testkit.Handshake{Query: "protocol=3&protocol=7"}, 4007},
		"protocol, disabled":    {testkit.Handshake{App: "disabled", Query: "protocol=3"}, 4007},
		"origin":                {testkit.Handshake{App: "origin", Header: http.Header{"Origin": {"https://evil.example"}}}, 4009},
		"another path":          {testkit.Handshake{Path: "/ws"}, 4005},
		"path below the key":    {testkit.Handshake{Path: "/app/app-key/x"}, 4005},
		"no key":                {testkit.Handshake{Path: "/app/"}, 4005},
		"an API path":           {testkit.Handshake{Path: "/apps/app-id/channels"}, 4005},
		"health":                {testkit.Handshake{Path: "/healthz"}, 4005},
		"key with blank":        {testkit.Handshake{Path: "/app/a%20b"}, 4001},
		"key with slash":        {testkit.Handshake{Path: "/app/app-key%2Fx"}, 4001},
		"key is dots":           {testkit.Handshake{Path: "/app/.."}, 4001},
		"key is escaped dots":   {testkit.Handshake{Path: "/app/%2e%2e"}, 4001},
		"key escaped twice":     {testkit.Handshake{Path: "/app/app%252dkey"}, 4001},
		"key of 10 KB":          {testkit.Handshake{Path: "/app/" + strings.Repeat("k", 10<<10)}, 4001},
		"key not UTF-8":         {testkit.Handshake{Path: "/app/%ff%fe"}, 4001},
		"raw bytes":             {testkit.Handshake{Path: "/app/\xff\xfe"}, 4001},
	} {
		t.Run(name, func(t *testing.T) {
			reason := testkit.Open(t, srv, tc.h).ExpectRefusal(tc.code)
			if len(reason) == 0 || len(reason) > 123 {
				t.Errorf("the reason is %q", reason)
			}
		})
	}
}

// See docs/spec/edge-cases.md, cases 2, 3, 8, 93.
func TestUpgrade_Accepted(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{
		testkit.App(),
		testkit.App(func(a *apps.App) {
			a.ID, a.Keys = "origin", []apps.Key{{Key: "origin", Secret: "s"}}
			a.AllowedOrigins = []string{"https://chat.example"}
		}),
	}})
	for name, h := range map[string]testkit.Handshake{
		"protocol 4":         {Query: "protocol=4"},
		"protocol 5":         {Query: "protocol=5"},
		"protocol 6":         {Query: "protocol=6"},
		"first counts":       {Query: "protocol=7&protocol=3&what=ever;&x"},
		"escaped key":        {Path: "/app/app%2Dkey"},
		"slash behind":       {Path: "/app/app-key/"},
		"slashes before":     {Path: "///app/app-key"},
		"slashes all over":   {Path: "//app//app-key//"},
		"no origin":          {App: "origin"},
		"origin":             {App: "origin", Header: http.Header{"Origin": {"https://chat.example"}}},
		"origin, large case": {App: "origin", Header: http.Header{"Origin": {"HTTPS://Chat.Example"}}},
		"several tokens":     {Header: http.Header{"Connection": {"keep-alive"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Open(t, srv, h)
			c.Established()
			c.Quiet()
		})
	}
}

// See docs/spec/websocket.md#protocol-version.
func TestUpgrade_AllowMissingProtocol(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.AllowMissingProtocol = true }})
	testkit.Open(t, srv, testkit.Handshake{Query: "client=js"}).Established()
	testkit.Open(t, srv, testkit.Handshake{Query: "protocol=3"}).ExpectRefusal(4007)
}

// See docs/spec/edge-cases.md, case 19; docs/spec/websocket.md#connecting: neither
// is selected.
func TestUpgrade_DeclinesExtensionsAndSubprotocols(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	c := testkit.Connect(t, srv)
	c.Write(upgradeText("/app/app-key?protocol=7", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Protocol: chat, pusher\r\n"))
	r := c.Response("GET")
	if r.Status != 101 || r.Header.Get("Sec-Websocket-Extensions") != "" || r.Header.Get("Sec-Websocket-Protocol") != "" {
		t.Fatalf("got %d %v", r.Status, r.Header)
	}
}

func upgradeText(target, headers string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + headers + "\r\n"
}

// See docs/spec/edge-cases.md, cases 4, 5.
func TestUpgrade_NotAHandshake(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	const path = " /app/app-key?protocol=7 HTTP/1.1\r\nHost: x\r\n"
	const up = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	const version = "Sec-WebSocket-Version: 13\r\n"
	for name, tc := range map[string]struct {
		request string
		status  int
		header  string // name: value
	}{
		"GET":                {"GET" + path, 426, "Upgrade: websocket"},
		"HEAD":               {"HEAD" + path, 426, "Upgrade: websocket"},
		"POST":               {"POST" + path + "Content-Length: 0\r\n", 426, "Upgrade: websocket"},
		"PUT":                {"PUT" + path + "Content-Length: 0\r\n", 405, "Allow: OPTIONS, GET, HEAD, POST"},
		"h2c":                {"GET" + path + "Upgrade: h2c\r\nConnection: Upgrade\r\n", 426, "Upgrade: websocket"},
		"POST upgrade":       {"POST" + path + up + key + version + "Content-Length: 0\r\n", 405, "Allow: GET"},
		"version 8":          {"GET" + path + up + key + "Sec-WebSocket-Version: 8\r\n", 426, "Sec-WebSocket-Version: 13"},
		"version missing":    {"GET" + path + up + key, 426, "Sec-WebSocket-Version: 13"},
		"key missing":        {"GET" + path + up + version, 400, ""},
		"key of 15 bytes":    {"GET" + path + up + version + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n", 400, ""},
		"key of 17 bytes":    {"GET" + path + up + version + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n", 400, ""},
		"key not base64":     {"GET" + path + up + version + "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n", 400, ""},
		"key twice":          {"GET" + path + up + version + key + key, 400, ""},
		"Connection missing": {"GET" + path + "Upgrade: websocket\r\n" + version + key, 400, ""},
		"a body":             {"GET" + path + up + version + key + "Content-Length: 5\r\n", 400, ""},
		"HTTP/1.0":           {"GET /app/app-key?protocol=7 HTTP/1.0\r\nHost: x\r\n" + up + version + key, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Connect(t, srv)
			c.Write(tc.request + "\r\n")
			method, _, _ := strings.Cut(tc.request, " ")
			r := c.Response(method)
			if method == "HEAD" {
				r.Expect(tc.status, "")
			} else {
				r.ExpectError(tc.status)
			}
			if name, value, ok := strings.Cut(tc.header, ": "); ok && r.Header.Get(name) != value {
				t.Errorf("got %s %q, want %q", name, r.Header.Get(name), value)
			}
		})
	}
}

// See docs/spec/edge-cases.md, case 6.
func TestUpgrade_DribbledHeaders_Cut(t *testing.T) {
	t.Parallel()
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.HeaderTimeout = 100 * time.Millisecond }})
	c := testkit.Connect(t, srv)
	ended := make(chan string, 1)
	go func() { ended <- c.Rest() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	text := upgradeText("/app/app-key?protocol=7", "X: "+strings.Repeat("x", 4000)+"\r\n")
	for i := 0; ; i++ {
		select {
		case rest := <-ended:
			if strings.Contains(rest, "101") {
				t.Fatalf("got %q", rest)
			}
			return
		case <-tick.C:
			_ = c.TryWrite(text[i : i+1]) // fails once the server has cut it
		}
	}
}

// See docs/spec/edge-cases.md, case 6.
func TestUpgrade_HeadersOf64KB_431(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	c := testkit.Connect(t, srv)
	_ = c.TryWrite(upgradeText("/app/app-key?protocol=7", "X: "+strings.Repeat("x", 64<<10)+"\r\n"))
	if r := c.Response("GET"); r.Status != 431 {
		t.Fatalf("got %d", r.Status)
	}
}

// See docs/spec/edge-cases.md, cases 7, 25.
func TestUpgrade_FramesInTheSameSegment_NoneLost(t *testing.T) {
	for name, portable := range map[string]bool{"own descriptor": false, "portable": true} {
		t.Run(name, func(t *testing.T) {
			srv := testkit.Start(t, testkit.Options{Sockets: sockets.Config{Portable: portable}})
			const n = 100
			ping := testkit.Masked(ws.NewTextFrame([]byte(`{"event":"pusher:ping","data":{}}`)))
			late := testkit.Masked(ws.NewTextFrame([]byte(`{"event":"pusher:subscribe","data":{"channel":"late"}}`)))
			c := testkit.Open(t, srv, testkit.Handshake{Pipelined: append(bytes.Repeat(ping, n), late[:9]...)})
			c.Established()
			for range n {
				c.Expect(`{"event":"pusher:pong","data":"{}"}`)
			}
			c.Write(late[9:])
			c.Expect(`{"event":"pusher_internal:subscription_succeeded","channel":"late","data":"{}"}`)
		})
	}
}

// See docs/spec/edge-cases.md, case 9.
func TestUpgrade_HalfOpenHandshakes_LimitedPerAddress(t *testing.T) {
	const most, surplus = 20, 5
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) {
		c.MaxHandshakesPerAddress = most
		c.HeaderTimeout = time.Hour
	}})
	// Loops accept at the same time, so any of them may be one too many.
	type heard struct {
		conn net.Conn
		text string // "" at the end
	}
	answers := make(chan heard, most+surplus)
	open := make(map[net.Conn]bool)
	for range most + surplus {
		conn, err := net.DialTimeout("tcp", srv.Addr, testkit.Patience)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, "GET /app/app-key?protocol=7 HTTP/1.1\r\n") // one that is refused may be closed
		open[conn] = true
		go func() {
			b := make([]byte, 64)
			n, _ := conn.Read(b)
			answers <- heard{conn, string(b[:n])}
		}()
	}
	for range surplus {
		if a := <-answers; !strings.HasPrefix(a.text, "HTTP/1.1 429 ") {
			t.Fatalf("a handshake too many got %q", a.text)
		} else {
			delete(open, a.conn)
		}
	}
	testkit.Eventually(t, "five refusals are counted", func() bool {
		return srv.Hub.Stats().Refusals[http.StatusTooManyRequests] == surplus
	})
	// One that goes through makes room for the next.
	for conn := range open {
		_, _ = io.WriteString(conn, "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		break
	}
	if a := <-answers; !strings.HasPrefix(a.text, "HTTP/1.1 101 ") {
		t.Fatalf("got %q", a.text)
	}
	for range 2 * most {
		testkit.Dial(t, srv)
	}
}

// See docs/spec/edge-cases.md, case 91.
func TestUpgrade_PathPrefix(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.PathPrefix = "/rt/" }})
	testkit.Open(t, srv, testkit.Handshake{Path: "/rt/app/app-key"}).Established()
	testkit.Open(t, srv, testkit.Handshake{Path: "/app/app-key"}).Established()
	testkit.Open(t, srv, testkit.Handshake{Path: "/rtx/app/app-key"}).ExpectRefusal(4005)
	testkit.Open(t, srv, testkit.Handshake{Path: "/rt/rt/app/app-key"}).ExpectRefusal(4005)
}

// See docs/spec/edge-cases.md, case 92.
func TestUpgrade_ForwardedProto_BelievedFromTrustedProxies(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{
		Apps: []apps.App{testkit.App(func(a *apps.App) { a.RequireTLS = true })},
		HTTP: func(c *httpapi.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} },
	})
	with := func(values ...string) testkit.Handshake {
		return testkit.Handshake{Header: http.Header{"X-Forwarded-Proto": values}}
	}
	testkit.Open(t, srv, with("https")).Established()
	testkit.Open(t, srv, with("HTTPS")).Established()
	testkit.Open(t, srv, with("http, https")).Established()
	testkit.Open(t, srv, with("https", "http")).ExpectRefusal(4000)
	testkit.Open(t, srv, with("http")).ExpectRefusal(4000)
	testkit.Open(t, srv, testkit.Handshake{}).ExpectRefusal(4000)
}

// See docs/spec/edge-cases.md, case 94.
func TestUpgrade_Draining_4100(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	srv.Hub.Close()
	testkit.Open(t, srv, testkit.Handshake{}).ExpectRefusal(4100) // 4200 would be tried again at once, and again
	testkit.Open(t, srv, testkit.Handshake{App: "nope"}).ExpectRefusal(4001)
}

// See docs/spec/websocket.md#refusing-a-connection: node over capacity.
func TestUpgrade_NodeFull_4100(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{Sockets: sockets.Config{Capacity: sockets.Capacity{Sockets: 2}}})
	first := testkit.Dial(t, srv)
	testkit.Dial(t, srv)
	testkit.Open(t, srv, testkit.Handshake{}).ExpectRefusal(4100)
	first.Close()
	testkit.Eventually(t, "the first socket is gone", func() bool { return srv.Sockets.Sockets() == 1 })
	testkit.Dial(t, srv)
}

// See docs/spec/edge-cases-http.md, case 164.
func TestUpgrade_RefusalsAreCounted(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	testkit.Open(t, srv, testkit.Handshake{App: "nope"}).ExpectRefusal(4001)
	if got := srv.Hub.Stats().Refusals; got[4001] != 1 {
		t.Errorf("got %v", got)
	}
}
