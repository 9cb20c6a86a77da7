package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
	"fanfare/sockets"
)

const (
	// ofVersion1 and ofVersion2 say that the client is 192.0.2.7.
	ofVersion1 = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 6001\r\n"
	ofVersion2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x17\x71"
	// overTLS says that its connection is encrypted, too.
	overTLS = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x14\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x17\x71\x20\x00\x05\x01\x00\x00\x00\x00"
	// ofItself is a proxy's look whether the server lives.
	ofItself = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

// proxied is a server whose peers, all of 127.0.0.1, are proxies.
func proxied(t *testing.T, portable bool, expects sockets.Expectation, change func(*httpapi.Config)) (*testkit.Server, *logbook.Book) {
	t.Helper()
	b := logbook.New(slog.LevelDebug)
	return testkit.Start(t, testkit.Options{
		Apps:    []apps.App{testkit.App(func(a *apps.App) { a.SubscriptionCount = false })},
		Sockets: sockets.Config{Portable: portable, Logger: b.Logger},
		HTTP: func(c *httpapi.Config) {
			c.Logger = b.Logger
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			c.ProxyHeader = expects
			if change != nil {
				change(c)
			}
		},
	}), b
}

// roads runs a test with event loops and without.
func roads(t *testing.T, test func(t *testing.T, portable bool)) {
	t.Run("loops", func(t *testing.T) { test(t, false) })
	t.Run("net/http", func(t *testing.T) { test(t, true) })
}

func TestProxyProtocol_ConnectionsCountAsTheirClients(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv, b := proxied(t, portable, sockets.MustProxyHeader, nil)
		for name, header := range map[string]string{"version 1": ofVersion1, "version 2": ofVersion2} {
			c := testkit.Open(t, srv, testkit.Handshake{Before: header})
			c.Established()
			b.Expect(t, `msg="connection opened"`, "socket="+c.ID, "address=192.0.2.7")

			call := srv.Text(testkit.Call{Path: "/events", Body: `{"name":"e","channel":"a","data":"1"}`, Header: http.Header{"X-Request-Id": {"by-" + name[8:]}}})
			h := testkit.Connect(t, srv)
			h.Write(header + call)
			h.Response(http.MethodPost).Expect(200, "{}")
			b.Expect(t, `msg="api call"`, "request=by-"+name[8:], "address=192.0.2.7")
		}
		// Whom the client names behind the proxy is nobody's business.
		c := testkit.Open(t, srv, testkit.Handshake{Before: ofVersion1, Header: http.Header{"X-Forwarded-For": {"198.51.100.1"}}})
		c.Established()
		b.Expect(t, `msg="connection opened"`, "socket="+c.ID, "address=192.0.2.7")
		// A proxy that speaks for itself, on its own way.
		h := testkit.Connect(t, srv)
		h.Write(ofItself + "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.1\r\nX-Request-Id: itself\r\n\r\n")
		h.Response(http.MethodGet).Expect(200, "…")
		b.Expect(t, "request=itself", "address=198.51.100.1")
	})
}

// However the bytes are cut, what follows the header is answered in full: by a
// loop, by net/http, and by a loop again.
func TestProxyProtocol_NoByteIsLost(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv, _ := proxied(t, portable, sockets.MustProxyHeader, nil)
		post := srv.Text(testkit.Call{Path: "/events", Body: `{"name":"e","channel":"a","data":"1"}`})
		requests := post + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + post + "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
		for _, header := range []string{ofVersion1, ofVersion2} {
			for _, cut := range []int{1, 6, 13, 16, len(header) - 1, len(header), len(header) + 1, len(header) + 50} {
				text := header + requests
				answers := travel(t, srv, text[:cut], text[cut:])
				if len(answers) != 5 || !strings.HasPrefix(answers[4], `2 events, "" left`) {
					t.Errorf("cut at %d: %q", cut, answers)
				}
			}
			pieces := strings.Split(header, "")
			if answers := travel(t, srv, append(pieces, requests)...); len(answers) != 5 || !strings.HasPrefix(answers[4], `2 events, "" left`) {
				t.Errorf("byte by byte: %q", answers)
			}
		}
	})
}

func TestProxyProtocol_WithoutAHeader_IsRefused(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv, b := proxied(t, portable, sockets.MustProxyHeader, nil)
		for text, reason := range map[string]string{
			"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n": "there is no PROXY header",
			"PROXY nonsense\r\n":                       "the PROXY header is malformed",
			ofVersion2[:12] + "\x11" + ofVersion2[13:]: "the PROXY header is malformed",
		} {
			h := testkit.Connect(t, srv)
			h.Write(text)
			h.Response(http.MethodGet).ExpectError(400, "begin with a PROXY protocol header")
			if rest := h.Rest(); rest != "" {
				t.Errorf("%q is followed by %q", text, rest)
			}
			line := b.Expect(t, "level=WARN", `msg="connection refused"`, "code=400", `reason="`+reason+`"`, "address=127.0.0.1")
			if !strings.Contains(line, `hint="http.proxy_protocol has proxies`) {
				t.Errorf("no hint: %s", line)
			}
		}
		if got := refusalsBy(srv, 400, "invalid_request"); got != 3 {
			t.Errorf("%d are counted, want 3", got)
		}
	})
}

func TestProxyProtocol_HeaderThatMayBeLeftOut(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv, b := proxied(t, portable, sockets.MayProxyHeader, nil)
		for id, sent := range map[string]struct{ before, want string }{"with": {ofVersion1, "192.0.2.7"}, "without": {"", "198.51.100.1"}} {
			h := testkit.Connect(t, srv)
			h.Write(sent.before + "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.1\r\nX-Request-Id: " + id + "\r\n\r\n")
			h.Response(http.MethodGet).Expect(200, "…")
			b.Expect(t, "request="+id, "address="+sent.want)
		}
	})
}

// Nobody else is believed: to them a header is a bad request.
func TestProxyProtocol_Strangers(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv, b := proxied(t, portable, sockets.MustProxyHeader, func(c *httpapi.Config) {
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.99/32")}
		})
		h := testkit.Connect(t, srv)
		h.Write(ofVersion1 + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if got := h.Rest(); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("got %q", got)
		}
		h = testkit.Connect(t, srv)
		h.Write("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: plain\r\n\r\n")
		h.Response(http.MethodGet).Expect(200, "…")
		b.Expect(t, "request=plain", "address=127.0.0.1")
	})
}

// Bounds by address hold for the clients of a proxy, not for the proxy.
func TestProxyProtocol_BoundsAreThoseOfTheClient(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv, b := proxied(t, portable, sockets.MustProxyHeader, func(c *httpapi.Config) { c.MaxHandshakesPerAddress = 2 })
		testkit.Eventually(t, "two requests are under way", func() bool {
			// One may be refused because the request below is under way.
			testkit.Connect(t, srv).Write(ofVersion1 + "GET /")
			h := testkit.Connect(t, srv)
			defer h.Close()
			h.Write(ofVersion2 + "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			return strings.HasPrefix(h.Rest(), "HTTP/1.1 429 ")
		})
		b.Expect(t, "level=WARN", "code=429", "address=192.0.2.7")
		h := testkit.Connect(t, srv)
		h.Write(strings.Replace(ofVersion1, "192.0.2.7", "192.0.2.8", 1) + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		h.Response(http.MethodGet).Expect(200, "…")
	})
}

// Only version 2 tells about TLS at the proxy.
func TestProxyProtocol_RequireTLS(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv := testkit.Start(t, testkit.Options{
			Apps:    []apps.App{testkit.App(func(a *apps.App) { a.RequireTLS = true })},
			Sockets: sockets.Config{Portable: portable},
			HTTP: func(c *httpapi.Config) {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				c.ProxyHeader = sockets.MustProxyHeader
			},
		})
		c := testkit.Open(t, srv, testkit.Handshake{Before: overTLS})
		c.Established()
		// net/http has it, as a request with a body.
		h := testkit.Connect(t, srv)
		h.Write(overTLS + "POST /pusher/app/app-key/7/tlssession/xhr?protocol=7 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		if got := h.Rest(); !strings.Contains(got, "connection_established") {
			t.Errorf("got %q", got)
		}
		testkit.Open(t, srv, testkit.Handshake{Before: ofVersion2}).ExpectRefusal(4000)
	})
}

// A header that takes its time is not waited for any longer than a request.
func TestProxyProtocol_HeaderThatNeverComes_IsClosedInTime(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv, _ := proxied(t, portable, sockets.MustProxyHeader, func(c *httpapi.Config) { c.HeaderTimeout = quick })
		for _, text := range []string{"", ofVersion1[:20], ofVersion2[:20]} {
			h := testkit.Connect(t, srv)
			h.Write(text)
			if got := h.Rest(); got != "" {
				t.Errorf("%q is answered %q", text, got)
			}
		}
	})
}

// refusalsBy is how often something was refused for a reason.
func refusalsBy(srv *testkit.Server, code int, reason channels.Reason) (n uint64) {
	for _, r := range srv.Hub.Stats().Refused {
		if r.Code == code && r.Reason == reason {
			n += r.Count
		}
	}
	return n
}
