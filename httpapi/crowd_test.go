package httpapi_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"fanfare/httpapi"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
)

// From the bound of an address on each connection ends with its answer, whoever
// gives it, and at twice the bound new ones are closed, with a line and a count.
func TestCrowd_OfOneAddress_EndsWithItsAnswers(t *testing.T) {
	const most = 4
	o := testkit.Options{HTTP: func(c *httpapi.Config) { c.MaxConnectionsPerAddress = most }}
	everyWay(t, slog.LevelWarn, o, func(t *testing.T, srv *testkit.Server, b *logbook.Book) {
		published := srv.Text(testkit.Call{Path: "/events", Body: `{"name":"e","channel":"a","data":"1"}`})
		asked := srv.Text(testkit.Call{Path: "/channels"})
		held := func(want int) {
			t.Helper()
			testkit.Eventually(t, fmt.Sprintf("%d connections are counted", want), func() bool { return srv.Account.Count(account.Connections) == want })
		}
		var conns []*testkit.Conn
		for i := range most - 1 {
			conns = append(conns, testkit.Connect(t, srv))
			held(i + 1)
			for _, text := range []string{published, asked} {
				conns[i].Write(text)
				if r := conns[i].Response("POST"); r.Status != 200 || r.Close {
					t.Errorf("with %d connections: %d %v", i+1, r.Status, r.Header)
				}
			}
		}
		for range 2 {
			for _, text := range []string{published, asked} {
				c := testkit.Connect(t, srv)
				held(most)
				c.Write(text)
				if r := c.Response("POST"); r.Status != 200 || !r.Close {
					t.Errorf("at the bound: %d %v", r.Status, r.Header)
				}
				if rest := c.Rest(); rest != "" {
					t.Errorf("behind the answer: %q", rest)
				}
				c.Close()
				held(most - 1)
			}
		}

		for i := most - 1; i < 2*most; i++ {
			testkit.Connect(t, srv)
			held(i + 1)
		}
		if rest := testkit.Connect(t, srv).Rest(); !strings.HasPrefix(rest, "HTTP/1.1 429 ") || !strings.Contains(rest, "too many connections from this address") {
			t.Errorf("at twice the bound: %q", rest)
		}
		b.Expect(t, `msg="connection refused"`, "code=429", `reason="Too many connections from this address (127.0.0.1)"`,
			`hint="if the address is your proxy's, add it to http.trusted_proxies; if not, http.connections_per_address is 4"`)
		if n := counted(srv, "", "rate_limit"); n != 1 {
			t.Errorf("%d refusals are counted, want 1", n)
		}
	})
}

// A socket is no connection of HTTP any more, nor is the request of an HTTP
// session that waits; its connection is one again when the request is over.
func TestCrowd_Sockets_DoNotCount(t *testing.T) {
	everyWay(t, slog.LevelWarn, testkit.Options{}, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		held := func(want int) {
			t.Helper()
			testkit.Eventually(t, fmt.Sprintf("%d connections are counted", want), func() bool { return srv.Account.Count(account.Connections) == want })
		}
		testkit.Open(t, srv, testkit.Handshake{}).Established()
		held(0)
		c := testkit.Connect(t, srv)
		held(1)
		poll := "POST /pusher/app/app-key/1/waits/xhr?protocol=7 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
		c.Write(poll)
		c.Response("POST") // connection_established
		held(1)
		c.Write(poll)
		held(0)
		c.Close()
		held(0)
	})
}
