package httpapi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
	"fanfare/sockets"
)

// patient has no time-out that a test could wait for.
func patient(c *httpapi.Config) { c.HeaderTimeout, c.BodyTimeout = time.Hour, time.Hour }

// headOf is a signed call up to its body, of which length bytes are announced.
func headOf(srv *testkit.Server, call testkit.Call, length int) string {
	if call.Body == "" {
		call.Body = "x" // for its body_md5
	}
	text, _, _ := strings.Cut(srv.Text(call), "\r\n\r\n")
	return strings.Replace(text, fmt.Sprintf("Content-Length: %d", len(call.Body)), fmt.Sprintf("Content-Length: %d", length), 1) + "\r\n\r\n"
}

// What the head tells is answered at once, and the connection ends: nothing of
// the body is waited for.
func TestHead_WhatItTells_IsAnsweredBeforeTheBody(t *testing.T) {
	o := testkit.Options{Apps: []apps.App{testkit.App(), testkit.App(func(a *apps.App) {
		a.ID, a.Keys, a.Enabled = "off", []apps.Key{{Key: "off-key", Secret: "off-secret"}}, false
	})}, HTTP: patient}
	everyWay(t, slog.LevelError, o, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		events := testkit.Call{Path: "/events"}
		own := func(method, path string) string {
			return method + " " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 131071\r\n\r\n"
		}
		without := func(name string) string {
			head := headOf(srv, events, 100_000)
			at := strings.Index(head, name)
			end := at + strings.IndexAny(head[at:], "& ")
			return head[:at] + strings.TrimPrefix(head[end:], "&")
		}
		cases := map[string]struct {
			head   string
			status int
		}{
			"no such path":        {own("POST", "/nothing"), 404},
			"no such app":         {headOf(srv, testkit.Call{Path: "/apps/nobody/events"}, 100_000), 404},
			"wrong method":        {own("PUT", "/apps/app-id/events"), 405},
			"no parameters":       {own("POST", "/apps/app-id/events"), 401},
			"no key":              {without("auth_key"), 401},
			"no version":          {without("auth_version"), 401},
			"no timestamp":        {without("auth_timestamp"), 401},
			"no signature":        {without("auth_signature"), 401},
			"no digest":           {own("POST", "/apps/app-id/events?"+sign("POST", "/apps/app-id/events", "auth_key=app-key&auth_timestamp="+unix(time.Now())+"&auth_version=1.0")), 401},
			"unknown key":         {headOf(srv, testkit.Call{Path: "/events", Key: "other", Secret: "x"}, 100_000), 401},
			"wrong signature":     {headOf(srv, testkit.Call{Path: "/events", Key: "app-key", Secret: "x"}, 100_000), 401},
			"wrong, of a batch":   {headOf(srv, testkit.Call{Path: "/batch_events", Key: "app-key", Secret: "x"}, 650_000), 401},
			"old":                 {headOf(srv, testkit.Call{Path: "/events", Time: time.Now().Add(-time.Hour)}, 100_000), 401},
			"disabled":            {headOf(srv, testkit.Call{Path: "/apps/off/events", Key: "off-key", Secret: "off-secret"}, 100_000), 403},
			"too long":            {headOf(srv, events, 1_000_000), 413},
			"too long, no upload": {headOf(srv, testkit.Call{Path: "/users/u/terminate_connections"}, 100_000), 413},
			"chunked":             {strings.Replace(headOf(srv, testkit.Call{Path: "/events", Secret: "x", Key: "app-key"}, 7), "Content-Length: 7", "Transfer-Encoding: chunked", 1), 401},
			"health":              {own("GET", "/healthz"), 200},
			"root":                {own("GET", "/"), 200},
			"a preflight":         {own("OPTIONS", "/pusher/app/app-key/7/abcdefgh/xhr_send"), 204},
			"a send to nobody":    {own("POST", "/pusher/app/nobody/7/abcdefgh/xhr_send"), 404},
			"a send to none":      {own("POST", "/pusher/app/app-key/7/abcdefgh/xhr_send"), 404},
			"a long receive":      {own("POST", "/pusher/app/app-key/7/abcdefgh/xhr"), 413},
			"no WebSocket":        {own("POST", "/app/app-key"), 426},
		}
		for name, tc := range cases {
			c := testkit.Connect(t, srv)
			c.Write(tc.head + "{")
			r := c.Response(strings.Fields(tc.head)[0])
			if r.Status != tc.status {
				t.Errorf("%s: got %d %s, want %d", name, r.Status, r.Body, tc.status)
			}
			if rest := c.Rest(); rest != "" {
				t.Errorf("%s: %q follows", name, rest)
			}
		}
	})
}

// Who writes all of a body before it reads sees the answer, not a reset.
func TestHead_RefusedWhileTheBodyComes_TheAnswerIsSeen(t *testing.T) {
	everyWay(t, slog.LevelError, testkit.Options{HTTP: patient}, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		for _, closes := range []string{"", "Connection: close\r\n"} {
			c := testkit.Connect(t, srv)
			c.Write("POST /apps/app-id/events HTTP/1.1\r\nHost: x\r\n" + closes + "Content-Length: 180000\r\n\r\n")
			for range 18 {
				c.Write(strings.Repeat("x", 10_000))
			}
			c.Response("POST").ExpectError(401)
			c.Rest()
		}
	})
}

// hold opens connections that send a head and nearly all of the body, and
// returns what the server holds for each.
func hold(t *testing.T, srv *testkit.Server, head string, length, connections int) (each int64) {
	t.Helper()
	before := heap()
	body := strings.Repeat("x", length-1)
	for range connections {
		c := testkit.Connect(t, srv)
		_ = c.TryWrite(head)
		_ = c.TryWrite(body) // refused early, the rest may not be taken
		c.Response("POST")
	}
	each = (heap() - before) / int64(connections)
	t.Logf("%d connections hold %d bytes each", connections, each)
	return each
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools keep for one round
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Callers that nobody knows cost no more than their connections, whatever they
// announce and send. The bound leaves room for the client's side, which is in
// the same heap.
func TestHead_UnknownCallers_HoldNoBodies(t *testing.T) {
	for way, portable := range map[string]bool{"loops": false, "goroutines": true} {
		t.Run(way, func(t *testing.T) {
			srv := testkit.Start(t, testkit.Options{Sockets: sockets.Config{Portable: portable}, HTTP: patient})
			const connections, most = 400, 32 << 10
			batch := "POST /apps/app-id/batch_events HTTP/1.1\r\nHost: x\r\nContent-Length: 650000\r\n\r\n"
			if each := hold(t, srv, batch, 650_000, connections); each > most {
				t.Errorf("a batch without a signature holds %d bytes", each)
			}
			if each := hold(t, srv, "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 131071\r\n\r\n", 131_071, connections); each > most {
				t.Errorf("a request for nothing holds %d bytes", each)
			}
		})
	}
}

// A body that is waited for counts in the account by the buffer that it has,
// which grows with what has come, and no longer once it is answered or lost.
func TestHead_ABodyThatIsWaitedFor_IsInTheAccount(t *testing.T) {
	for way, portable := range map[string]bool{"loops": false, "goroutines": true} {
		t.Run(way, func(t *testing.T) {
			srv := testkit.Start(t, testkit.Options{Sockets: sockets.Config{Portable: portable}, HTTP: patient})
			held := srv.Account
			for path, length := range map[string]int{"/events": 60_000, "/batch_events": 120_000, "/batch_events?": 500_000} {
				path = strings.TrimSuffix(path, "?")
				body := `{"batch":[{"name":"e","channel":"a","data":"1"}]}`
				if path == "/events" {
					body = event
				}
				body += strings.Repeat(" ", length-len(body))
				whole := srv.Text(testkit.Call{Path: path, Body: body})
				bytes := func() int64 { return held.BytesOf(account.Bodies) }

				c := testkit.Connect(t, srv)
				c.Write(whole[:len(whole)-length+1000])
				testkit.Eventually(t, "what has come counts", func() bool { return held.Count(account.Bodies) == 1 && bytes() >= 1000 })
				if n := bytes(); n > 64<<10 { // which may have served another body before
					t.Errorf("%s: 1,000 of %d bytes take %d", path, length, n)
				}
				c.Write(whole[len(whole)-length+1000 : len(whole)-1])
				testkit.Eventually(t, "the rest counts", func() bool { return bytes() >= int64(length-1) })
				if n := bytes(); n > 2*int64(length) {
					t.Errorf("%s: %d bytes take %d", path, length, n)
				}
				c.Write(whole[len(whole)-1:])
				c.Response(http.MethodPost).Expect(200, `{}`)
				testkit.Eventually(t, "nothing is held", func() bool { return held.Count(account.Bodies) == 0 && bytes() == 0 })

				c.Write(whole[:len(whole)-10])
				testkit.Eventually(t, "the next one counts", func() bool { return bytes() >= int64(length)/2 })
				c.Close()
				testkit.Eventually(t, "nothing is held of who left", func() bool { return held.Count(account.Bodies) == 0 && bytes() == 0 })
			}
		})
	}
}
