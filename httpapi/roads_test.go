package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// See docs/spec/edge-cases-http.md, cases 62, 70. A request is answered by the loop
// that reads it or, if it is not of the usual form, by net/http. The same
// bytes, sent to a server with loops and to one without, have to get the same
// answers and publish the same events: two readings of one request are how
// requests are smuggled (RFC 9112 §11.2).
func TestRoads_SameBytesSameAnswers(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	start := func(portable bool) *testkit.Server {
		return testkit.Start(t, testkit.Options{
			Apps: []apps.App{testkit.App(), testkit.App(func(a *apps.App) {
				a.ID, a.Keys, a.Enabled = "off", []apps.Key{{Key: "off-key", Secret: "off-secret"}}, false
			})},
			Sockets: sockets.Config{Portable: portable},
			HTTP: func(c *httpapi.Config) {
				c.Now = func() time.Time { return now }
				c.PathPrefix = "/rt"
			},
		})
	}
	loops, plain := start(false), start(true)

	const body = `{"name":"e","channel":"a","data":"1"}`
	signed := func(call testkit.Call) string {
		call.Time = now
		text := plain.Text(call)
		return strings.Replace(text, "Host: "+plain.Addr, "Host: x", 1)
	}
	post := signed(testkit.Call{Path: "/events", Body: body})
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	with := func(old, fresh string) string {
		if !strings.Contains(post, old) {
			t.Fatalf("%q is not in %q", old, post)
		}
		return strings.Replace(post, old, fresh, 1)
	}
	head, _, _ := strings.Cut(post, length)
	chunked := head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)

	cases := map[string]string{
		"publish":                       post,
		"publish by its prefix":         signed(testkit.Call{Path: "/rt/apps/app-id/events", Body: body}),
		"two":                           post + post,
		"two, net/http's between":       post + signed(testkit.Call{Path: "/channels"}) + post,
		"batch":                         signed(testkit.Call{Path: "/batch_events", Body: `{"batch":[` + body + `]}`}),
		"batch of none":                 signed(testkit.Call{Path: "/batch_events", Body: `{"batch":[]}`}),
		"info":                          signed(testkit.Call{Path: "/events", Body: `{"name":"e","channel":"a","data":"1","info":"subscription_count"}`}),
		"no body":                       signed(testkit.Call{Method: "POST", Path: "/events"}),
		"parameters in the query":       signed(testkit.Call{Method: "POST", Path: "/events", Query: map[string]string{"name": "e", "channel": "a", "data": "1"}}),
		"bad JSON":                      signed(testkit.Call{Path: "/events", Body: `{`}),
		"bad name":                      signed(testkit.Call{Path: "/events", Body: `{"name":"","channel":"a","data":"1"}`}),
		"data too large":                signed(testkit.Call{Path: "/events", Body: `{"name":"e","channel":"a","data":"` + strings.Repeat("x", 10241) + `"}`}),
		"wrong secret":                  signed(testkit.Call{Path: "/events", Body: body, Key: "app-key", Secret: "x"}),
		"disabled":                      signed(testkit.Call{Path: "/apps/off/events", Body: body, Key: "off-key", Secret: "off-secret"}),
		"disabled, wrong secret":        signed(testkit.Call{Path: "/apps/off/events", Body: body, Key: "off-key", Secret: "x"}),
		"unknown app":                   signed(testkit.Call{Path: "/apps/nobody/events", Body: body}),
		"trailing slash":                signed(testkit.Call{Path: "/events/", Body: body}),
		"empty segment":                 signed(testkit.Call{Path: "/apps//app-id/events", Body: body}),
		"dot segment":                   signed(testkit.Call{Path: "/apps/./app-id/events", Body: body}),
		"dot dot":                       signed(testkit.Call{Path: "/apps/off/../app-id/events", Body: body}),
		"escaped slash":                 signed(testkit.Call{Path: "/apps/app-id%2Fevents", Body: body}),
		"escaped letter":                signed(testkit.Call{Path: "/apps/app%2Did/events", Body: body}),
		"escaped twice":                 signed(testkit.Call{Path: "/apps/app%252Did/events", Body: body}),
		"escaped dots":                  signed(testkit.Call{Path: "/apps/%2e%2e/apps/app-id/events", Body: body}),
		"query without =":               with("?", "?a&"),
		"query with two ?":              with("?", "??"),
		"empty query":                   with("?", "?&&"),
		"no query":                      "POST /apps/app-id/events HTTP/1.1\r\nHost: x\r\n" + length + "\r\n" + body,
		"PUT":                           signed(testkit.Call{Method: "PUT", Path: "/events", Body: body}),
		"lower-case method":             with("POST", "post"),
		"absolute form":                 with("POST ", "POST http://x"),
		"absolute form of another host": with("POST ", "POST http://other"),
		"fragment":                      with(" HTTP/1.1", "#x HTTP/1.1"),
		"two blanks":                    with(" HTTP/1.1", "  HTTP/1.1"),
		"HTTP/1.0":                      with("HTTP/1.1", "HTTP/1.0"),
		"HTTP/1.2":                      with("HTTP/1.1", "HTTP/1.2"),
		"HTTP/2.0":                      with("HTTP/1.1", "HTTP/2.0"),
		"HTTP/0.9":                      with(" HTTP/1.1", ""),
		"blank line first":              "\r\n" + post,
		"no Host":                       with("Host: x\r\n", ""),
		"two Hosts":                     with("Host: x\r\n", "Host: x\r\nHost: y\r\n"),
		"empty Host":                    with("Host: x\r\n", "Host:\r\n"),
		"bad Host":                      with("Host: x\r\n", "Host: a b\r\n"),
		"odd Host":                      with("Host: x\r\n", "Host: x/y\"<>\r\n"),
		"chunked":                       chunked,
		"chunked, then another":         chunked + post,
		"length and chunked":            with(length, length+"Transfer-Encoding: chunked\r\n"),
		"chunked and length":            with(length, "Transfer-Encoding: chunked\r\n"+length),
		"length and identity":           with(length, length+"Transfer-Encoding: identity\r\n"),
		"chunked twice":                 with(length, "Transfer-Encoding: chunked, chunked\r\n"),
		"xchunked":                      with(length, length+"Transfer-Encoding: xchunked\r\n"),
		"Transfer_Encoding":             with(length, length+"Transfer_Encoding: chunked\r\n"),
		"blank before the colon":        with(length, length+"Transfer-Encoding : chunked\r\n"),
		"two lengths alike":             with(length, length+length),
		"two lengths":                   with(length, length+"Content-Length: 2\r\n"),
		"a list of lengths":             with(length, fmt.Sprintf("Content-Length: %d, %[1]d\r\n", len(body))),
		"signed length":                 with("Content-Length: ", "Content-Length: +"),
		"length with zeros":             with("Content-Length: ", "Content-Length: 0000"),
		"hex length":                    with("Content-Length: ", "Content-Length: 0x"),
		"negative length":               with("Content-Length: ", "Content-Length: -"),
		"empty length":                  with(length, "Content-Length: \r\n"),
		"length of a tab":               with("Content-Length: ", "Content-Length:\t"),
		"lower-case length":             with("Content-Length", "content-length"),
		"folded field":                  with(length, "A: b\r\n c\r\n"+length),
		"folded length":                 with("Content-Length: ", "Content-Length:\r\n "),
		"bare LF in a field":            with(length, "A: b\nX: y\r\n"+length),
		"bare CR in a field":            with(length, "A: b\rX: y\r\n"+length),
		"bare LFs":                      strings.ReplaceAll(head+length+"\r\n", "\r\n", "\n") + body,
		"bare LF ends the head":         with("\r\n\r\n", "\n\r\n"),
		"NUL in a field":                with(length, "A: \x00\r\n"+length),
		"DEL in a field":                with(length, "A: \x7f\r\n"+length),
		"UTF-8 in a field":              with(length, "A: ü\r\n"+length),
		"odd field name":                with(length, "A!#$%&'*+.^_`|~: b\r\n"+length),
		"bad field name":                with(length, "A(: b\r\n"+length),
		"field without a name":          with(length, ": b\r\n"+length),
		"field without a colon":         with(length, "b\r\n"+length),
		"many fields":                   with(length, strings.Repeat("A: b\r\n", 100)+length),
		"head of 12 KB":                 with(length, "A: "+strings.Repeat("b", 12<<10)+"\r\n"+length),
		"head of 64 KB":                 with(length, "A: "+strings.Repeat("b", 64<<10)+"\r\n"+length),
		"gzip":                          with(length, "Content-Encoding: gzip\r\n"+length),
		"Connection: close":             with(length, "Connection: close\r\n"+length) + post,
		"Connection: keep-alive":        with(length, "Connection: keep-alive\r\n"+length) + post,
		"Connection: upgrade":           with(length, "Connection: upgrade\r\n"+length) + post, // nginx, if told to
		"Connection: keep-alive, close": with(length, "Connection: keep-alive, Close\r\n"+length) + post,
		"Connection twice":              with(length, "Connection: keep-alive\r\nConnection: close\r\n"+length) + post,
		"line end behind the body":      post + "\r\n" + post + "\r\n\r\n",
		"line ends behind the body":     post + "\r\n\r\n\r\n" + post,
		"upgrade":                       with(length, "Connection: Upgrade\r\nUpgrade: h2c\r\n"+length),
		"POST for a WebSocket":          with(length, "Connection: Upgrade\r\nUpgrade: websocket\r\n"+length),
		"own request id":                with(length, "X-Request-Id: mine-1\r\n"+length),
		"bad request id":                with(length, "X-Request-Id: \"<script>\"\r\n"+length),
		"two request ids":               with(length, "X-Request-Id: a\r\nX-Request-Id: b\r\n"+length),
		"trailer":                       head + "Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\nA: b\r\n\r\n", len(body), body),
		"body longer than its length":   post + "POST",
		"smuggled":                      with(length, "Content-Length: 0\r\n"),
		"OPTIONS *":                     "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"CONNECT":                       "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
		"TRACE":                         "TRACE /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
		"PRI":                           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET with a body":               "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
		"websocket, unknown key":        "GET /app/nobody?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"websocket of version 8":        "GET /app/app-key?protocol=7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"root":                          "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"OPTIONS of the root":           "OPTIONS / HTTP/1.1\r\nHost:\r\n\r\n",
	}
	// Around the header limit, by one byte each.
	for _, size := range []int{16<<10 - 1, 16 << 10, 16<<10 + 1, 16<<10 + 2, 16<<10 + 5, 18 << 10, 20<<10 - 1, 20 << 10, 20<<10 + 1} {
		cases[fmt.Sprintf("head of %d bytes", size)] = padded(post, size)
		if size < 20<<10-1 { // from there on net/http may refuse in its own words, depending on what it has read before
			cases[fmt.Sprintf("head of %d bytes after another", size)] = post + padded(post, size)
		}
	}
	for name, sent := range cases {
		t.Run(name, func(t *testing.T) {
			sent += "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: last\r\nConnection: close\r\n\r\n"
			want, got := travel(t, plain, sent), travel(t, loops, sent)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q\n(-net/http +loop)\n%s", sent, diff)
			}
			// The loop asks about a head whose body has not come.
			if diff := cmp.Diff(want, travel(t, loops, strings.SplitAfter(sent, "\r\n\r\n")...)); diff != "" {
				t.Errorf("%q in pieces\n(-net/http +loop)\n%s", sent, diff)
			}
		})
	}
}

// A body that is waited for and does not come is answered when its time is over.
func TestRoads_ABodyThatNeverComes_SameAnswer(t *testing.T) {
	t.Parallel()
	start := func(portable bool) *testkit.Server {
		return testkit.Start(t, testkit.Options{Sockets: sockets.Config{Portable: portable}, HTTP: func(c *httpapi.Config) {
			c.HeaderTimeout, c.BodyTimeout = quick, quick
		}})
	}
	loops, plain := start(false), start(true)
	for _, path := range []string{"/events", "/batch_events"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			sent := plain.Text(testkit.Call{Path: path, Body: `{"name":`, Header: http.Header{"X-Request-Id": {"mine"}}})
			sent = strings.Replace(sent, "Content-Length: 8\r\n", "Content-Length: 100\r\n", 1)
			want, got := travel(t, plain, sent), travel(t, loops, sent)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q\n(-net/http +loop)\n%s", sent, diff)
			}
			if !strings.Contains(got[0], "408 Request Timeout") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// travel sends text on a connection of its own, in pieces, and returns the
// answers, and how many events they published.
func travel(t *testing.T, s *testkit.Server, text ...string) []string {
	t.Helper()
	before := s.Hub.Stats().Published
	c := testkit.Connect(t, s)
	for _, piece := range text {
		_ = c.TryWrite(piece) // refused early, the rest may not be taken
	}
	rest := bufio.NewReader(strings.NewReader(c.Rest()))
	var answers []string
	for {
		r, err := http.ReadResponse(rest, nil)
		if err != nil {
			left, _ := io.ReadAll(rest)
			return append(answers, fmt.Sprintf("%d events, %q left", s.Hub.Stats().Published-before, left))
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		line := fmt.Sprintf("%s %s %q %v", r.Proto, r.Status, body, err)
		for _, k := range slices.Sorted(maps.Keys(r.Header)) {
			v := r.Header[k]
			if k == "Date" {
				continue
			}
			if k == "X-Request-Id" && len(v[0]) > 10 {
				v = []string{"ours"}
			}
			line += fmt.Sprintf(" %s=%q", k, v)
		}
		answers = append(answers, fmt.Sprintf("%s close=%t", line, r.Close))
	}
}
