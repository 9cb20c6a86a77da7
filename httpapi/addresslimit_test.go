package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
	"fanfare/sockets"
)

// ofClient is the header by which a proxy says whose connection it is.
func ofClient(addr string) http.Header { return http.Header{"X-Forwarded-For": {addr}} }

// crowded is a server that takes two sockets of each address, behind a proxy.
func crowded(t *testing.T, portable bool) (*testkit.Server, *logbook.Book) {
	t.Helper()
	b := logbook.New(slog.LevelInfo)
	return testkit.Start(t, testkit.Options{
		Sockets: sockets.Config{Portable: portable, Logger: b.Logger, ConnectionsPerAddress: 2},
		HTTP: func(c *httpapi.Config) {
			c.Logger, c.CountAddresses = b.Logger, true
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			c.ExemptAddresses = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8:1::1/128")}
			c.Fallback.OpensPerAddress = 3
		},
	}), b
}

func TestAddressLimit_FurtherSockets_4100(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv, b := crowded(t, portable)
		open := func(addr string) *testkit.Client {
			return testkit.Open(t, srv, testkit.Handshake{Header: ofClient(addr)})
		}
		first := open("192.0.2.7")
		first.Established()
		open("192.0.2.7").Established()
		const text = "Too many connections from this address"
		if got := open("192.0.2.7").ExpectRefusal(4100); got != text {
			t.Errorf("got %q", got)
		}
		line := b.Expect(t, "level=WARN", `msg="connection refused"`, "app=app-id", "code=4100", `reason="`+text+` (192.0.2.7)"`, "transport=websocket",
			"address=192.0.2.7", "proxy=127.0.0.1")
		if !strings.Contains(line, `hint="sockets.connections_per_address is 2; `) {
			t.Errorf("no hint: %s", line)
		}
		if got := refusalsBy(srv, 4100, channels.ReasonAddressLimit); got != 1 {
			t.Errorf("%d are counted, want 1", got)
		}
		// Other addresses, those that are exempt, and the proxy itself.
		open("192.0.2.8").Established()
		for range 3 {
			open("203.0.113.5").Established()
			open("2001:db8:1::1").Established()
			testkit.Dial(t, srv)
		}
		// Customers have a /64 each.
		open("2001:db8:2::1").Established()
		open("2001:db8:2::2").Established()
		open("2001:db8:2::3").ExpectRefusal(4100)
		// Who leaves makes room.
		first.Close()
		testkit.Eventually(t, "the place is free", func() bool {
			c := open("192.0.2.7")
			defer c.Close()
			return strings.Contains(c.Next(), "connection_established")
		})
	})
}

// A session over HTTP counts as a socket does, and goes with its end.
func TestAddressLimit_HTTPSessions(t *testing.T) {
	srv, b := crowded(t, false)
	testkit.Open(t, srv, testkit.Handshake{Header: ofClient("192.0.2.7")}).Established()
	x := newXHR(t, srv, "app-key/7/"+sessionName())
	x.header = ofClient("192.0.2.7")
	x.established(x.poll())
	other := newXHR(t, srv, "app-key/7/"+sessionName())
	other.header = ofClient("192.0.2.7")
	if got := strings.Join(other.poll(), "\n"); !strings.Contains(got, `\"code\":4100`) || !strings.Contains(got, "Too many connections from this address") {
		t.Errorf("got %q", got)
	}
	b.Expect(t, "level=WARN", "code=4100", "transport=xhr_polling", "address=192.0.2.7")
	testkit.Open(t, srv, testkit.Handshake{Header: ofClient("192.0.2.7")}).ExpectRefusal(4100)
}

// An office behind one address opens as many sessions as it needs.
func TestAddressLimit_ExemptAddresses_OpenSessions(t *testing.T) {
	srv, _ := crowded(t, false)
	for range 5 {
		x := newXHR(t, srv, "app-key/7/"+sessionName())
		x.header = ofClient("203.0.113.5")
		x.established(x.poll())
	}
}

// The event loops read the header that is configured, as net/http does.
func TestClientHeader_OnEveryRoad(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		b := logbook.New(slog.LevelDebug)
		srv := testkit.Start(t, testkit.Options{
			Sockets: sockets.Config{Portable: portable, Logger: b.Logger},
			HTTP: func(c *httpapi.Config) {
				c.Logger, c.ClientHeader = b.Logger, httpapi.CFConnectingIP
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			},
		})
		header := http.Header{"Cf-Connecting-Ip": {"198.51.100.1"}, "X-Forwarded-For": {"192.0.2.9"}}
		c := testkit.Open(t, srv, testkit.Handshake{Header: header})
		c.Established()
		b.Expect(t, `msg="connection opened"`, "socket="+c.ID, "address=198.51.100.1", "proxy=127.0.0.1")
		header["X-Request-Id"] = []string{"mine"}
		srv.Do(t, testkit.Call{Path: "/events", Body: `{"name":"e","channel":"a","data":"1"}`, Header: header}).Expect(200, "{}")
		b.Expect(t, `msg="api call"`, "request=mine", "address=198.51.100.1")
	})
}
