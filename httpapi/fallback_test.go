package httpapi_test

import (
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/pusherproto"
	"fanfare/sockets"
)

// See docs/spec/edge-cases-http.md, case 175.
func TestFallback_OnlyTheFirstReceiveOpens(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	t.Run("polling", func(t *testing.T) {
		x := established(t, srv, "app-key/7/poller00")
		x.subscribe("c")
		x.expect(x.poll(), `{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}`)
	})
	t.Run("streaming", func(t *testing.T) {
		x := newXHR(t, srv, "app-key/999/streamer")
		s := x.stream()
		x.established([]string{s.line(), s.line()})
		x.subscribe("c")
		s.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}`)
		s.end()
		s = x.stream()
		publish(t, srv, "c", "1")
		s.expect(eventText("c", "1"))
	})
}

// See docs/spec/edge-cases-http.md, case 176; docs/spec/http-fallback.md#lines.
func TestFallback_Refusals(t *testing.T) {
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
		named("tls", func(a *apps.App) { a.RequireTLS = true }),
		named("origin", func(a *apps.App) { a.AllowedOrigins = []string{"https://chat.example"} }),
	}})
	full := testkit.Open(t, srv, testkit.Handshake{App: "full"})
	full.Established()
	for name, tc := range map[string]struct {
		key, query, origin string
		code               int
	}{
		"unknown app":     {key: "wrong", code: 4001},
		"escaped key":     {key: "app%252dkey", code: 4001},
		"disabled":        {key: "disabled", code: 4003},
		"over quota":      {key: "full", code: 4004},
		"plain":           {key: "tls", code: 4000},
		"origin":          {key: "origin", origin: "https://evil.example", code: 4009},
		"no protocol":     {key: "app-key", query: "?client=js", code: 4008},
		"protocol 3":      {key: "app-key", query: "?protocol=3", code: 4007},
		"protocol letter": {key: "app-key", query: "?protocol=x", code: 4006},
	} {
		for _, action := range []string{"/xhr", "/xhr_streaming"} {
			t.Run(name+action, func(t *testing.T) {
				x := newXHR(t, srv, tc.key+"/3/"+strconv.Itoa(tc.code)+action[1:])
				if tc.origin != "" {
					x.header.Set("Origin", tc.origin)
				}
				if tc.query == "" {
					tc.query = xhrQuery
				}
				r := x.request(t.Context(), action, tc.query, "")
				defer r.Body.Close()
				text, err := io.ReadAll(r.Body)
				if err != nil || r.StatusCode != 200 || r.Header.Get("Access-Control-Allow-Origin") == "" {
					t.Fatalf("%d %v %s, %v", r.StatusCode, r.Header, text, err)
				}
				l := x.lines(string(text))
				if action == "/xhr_streaming" {
					l = l[1:]
				}
				if len(l) != 3 || l[0] != "o" || !strings.HasPrefix(l[2], "c["+strconv.Itoa(tc.code)+",") {
					t.Fatalf("told %q", l)
				}
				if m := x.messages(l[1])[0]; !strings.Contains(m, `"pusher:error"`) || !strings.Contains(m, strconv.Itoa(tc.code)) {
					t.Errorf("the error is %s", m)
				}
			})
		}
	}
	// A refused session is not one: the quota's place is free again.
	full.Close()
	testkit.Eventually(t, "the place is free", func() bool {
		r := newXHR(t, srv, "full/1/again"+strconv.Itoa(int(time.Now().UnixNano()%1e6)))
		return len(r.poll()) == 2
	})
}

// See docs/spec/edge-cases-http.md, cases 178, 179, 180;
// docs/spec/http-fallback.md#rotation. The client reads on and finds nothing
// more after the line that fills the response.
func TestFallback_Rotation(t *testing.T) {
	t.Parallel()
	o := uncounted()
	o.Sockets.QueueBytes = 8 << 20
	srv := testkit.Start(t, o)
	x := newXHR(t, srv, "app-key/7/rotation")
	s := x.stream()
	x.established([]string{s.line(), s.line()})
	x.subscribe("c")
	s.line()
	watch := testkit.Dial(t, srv)
	watch.Subscribe("c")

	const events = 120
	var want, got []string
	for i := range events {
		data := strconv.Itoa(i) + strings.Repeat("é😀", 1200)
		publish(t, srv, "c", data)
		want = append(want, eventText("c", data))
	}
	for range events {
		watch.Next()
	}
	for receives := 1; ; receives++ {
		for s.units <= 256<<10 && len(got) < events {
			got = append(got, x.messages(s.line())...)
		}
		if len(got) >= events {
			if receives < 3 {
				t.Errorf("all came in %d receives", receives)
			}
			break
		}
		x.say() // the loop has said what it is going to say
		old := s
		s = x.stream()
		if rest := old.rest(); rest != "" {
			t.Fatalf("after %d units came %.300q", old.units, rest)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lost, repeated or out of order: %.1000s", diff)
	}
	publish(t, srv, "c", "after")
	s.expect(eventText("c", "after"))
}

// See docs/spec/edge-cases-http.md, case 181.
func TestFallback_ReceiveReplaced(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	x := established(t, srv, "app-key/7/replaced")
	x.joined("c")

	first := x.stream()
	second := x.stream()
	if rest := first.rest(); rest != "" {
		t.Errorf("the first was told %q", rest)
	}
	publish(t, srv, "c", "1")
	second.expect(eventText("c", "1"))

	poll := x.polled()
	if rest := second.rest(); rest != "" {
		t.Errorf("the second was told %q", rest)
	}
	third := x.stream()
	if l := <-poll; len(l) != 0 {
		t.Errorf("the poll was told %q", l)
	}
	publish(t, srv, "c", "2")
	third.expect(eventText("c", "2"))
}

// See docs/spec/edge-cases-http.md, case 182, with presence.
func TestFallback_AbortedReceive(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	o := uncounted()
	o.Sockets.ReceiveWithin = unhurried
	o.HTTP = func(c *httpapi.Config) { c.AccessLog, c.Logger = true, slog.New(slog.NewTextHandler(&log, nil)) }
	srv := testkit.Start(t, o)
	watch := testkit.Dial(t, srv)
	watch.Subscribe("presence-room", `{"user_id":"ws"}`)
	x := established(t, srv, "app-key/7/aborted0")
	x.joined("presence-room", `{"user_id":"http"}`)
	watch.Expect(`{"event":"pusher_internal:member_added","channel":"presence-room","data":"{\"user_id\":\"http\"}"}`)

	for n := 1; n <= 2; n++ {
		s := x.stream()
		if n == 2 {
			s.expect(eventText("presence-room", "1"))
		}
		s.end()
		// What is written before the abort is noticed is lost to any server.
		testkit.Eventually(t, "the request has ended", func() bool { return strings.Count(log.String(), "xhr_streaming") == n })
		publish(t, srv, "presence-room", strconv.Itoa(n))
		watch.Expect(eventText("presence-room", strconv.Itoa(n)))
	}
	s := x.stream()
	s.expect(eventText("presence-room", "2"))
	s.end()
	watch.Expect(`{"event":"pusher_internal:member_removed","channel":"presence-room","data":"{\"user_id\":\"http\"}"}`)
	if status := x.send(); status != 404 {
		t.Errorf("send: %d", status)
	}
	x.established(x.poll())
}

// See docs/spec/edge-cases-http.md, case 184; docs/spec/http-fallback.md#lines.
func TestFallback_HostName(t *testing.T) {
	o := uncounted()
	o.Sockets.HostName = "node1.example"
	srv := testkit.Start(t, o)
	x := newXHR(t, srv, "app-key/7/hostname")
	if l := x.poll(); len(l) != 2 || l[0] != `o{"hostname":"node1.example"}` {
		t.Errorf("told %q", l)
	}
	if _, err := sockets.New(sockets.Config{HostName: "node1.example:6001"}, srv.Hub); err == nil {
		t.Error("a host name with a port was accepted")
	}
}

// See docs/spec/edge-cases-http.md, case 185.
func TestFallback_SendStatus(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	x := established(t, srv, "app-key/7/statuses")
	x.joined("private-c")
	for body, status := range map[string]int{
		``: 400, ` `: 400, `{}`: 400, `[1]`: 400, `[null]`: 400, `null`: 400, `"x"`: 400, `["a"`: 400, `["a"]x`: 400, `[["a"]]`: 400,
		"[\"\xff\"]": 400, `[{"event":"pusher:ping"}]`: 400,
		`[]`: 204, `[ "" ]`: 204, `["{\"event\":\"pusher:ping\",\"data\":{}}"]`: 204,
		`["` + strings.Repeat("x", 64<<10+1) + `"]`:  413,
		`["` + strings.Repeat("x", 200<<10) + `"]`:   413,
		`[` + strings.Repeat(`"",`, 1000) + `""]`:    413,
		strings.Repeat("[", 50_000):                  400,
		`[` + strings.Repeat(`{},`, 20_000) + `"a"]`: 400,
	} {
		if got := x.post(body); got != status {
			t.Errorf("%.40q: got %d, want %d", body, got, status)
		}
	}
	for _, session := range []string{"app-key/7/unknown0", "wrong/7/statuses"} {
		if got := newXHR(t, srv, session).send("{}"); got != 404 {
			t.Errorf("%s: got %d, want 404", session, got)
		}
	}
	if l := x.poll(); !strings.Contains(l[0], "pusher:pong") || strings.Contains(l[0], "\\u") {
		t.Errorf("the session was told %q", l)
	}
}

// Clients do not look at the status of a send.
func TestFallback_SendTooLarge_IsAnsweredOnTheSession(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	x := established(t, srv, "app-key/7/toolarge")
	x.joined("c")
	subscribe := func(size int) string {
		return `{"event":"pusher:subscribe","data":{"auth":"","channel_data":"` + strings.Repeat("x", size) + `","channel":"presence-x"}}`
	}
	if status := x.send(`{"event":"pusher:ping"}`, subscribe(70_000), `{"event":"pusher:ping"}`); status != 413 {
		t.Errorf("status %d, want 413", status)
	}
	told := x.messages(x.poll()[0])
	if len(told) != 4 || !strings.Contains(told[0], "pong") || !strings.Contains(told[3], "pong") ||
		!strings.Contains(told[1], "larger than 65536 bytes") || !strings.Contains(told[2], `"pusher:subscription_error","channel":"presence-x"`) {
		t.Errorf("the session was told %.300q", told)
	}
	if status := x.send(subscribe(300_000)); status != 413 {
		t.Errorf("status %d, want 413", status)
	}
	if told := x.messages(x.poll()[0]); len(told) != 1 || !strings.Contains(told[0], "larger than 65536 bytes") {
		t.Errorf("the session was told %.300q", told)
	}
	publish(t, srv, "c", "1")
	x.expect(x.poll(), eventText("c", "1"))
}

// See docs/spec/edge-cases-http.md, case 186.
func TestFallback_Sends(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) {
		a.SubscriptionCount, a.Limits.ClientEventsPerSecond = false, 0
	})}})
	watch := testkit.Dial(t, srv)
	watch.Subscribe("private-c")
	x := established(t, srv, "app-key/7/sends000")
	x.joined("private-c")
	message := func(n int) string {
		return `{"event":"client-e","channel":"private-c","data":` + strconv.Itoa(n) + `}`
	}
	x.say(message(1), message(2), message(3))
	for n := 1; n <= 3; n++ {
		watch.Expect(message(n))
	}
	const parallel = 50
	statuses := make(chan int, parallel)
	for n := range parallel {
		go func() { statuses <- x.send(message(100 + n)) }()
	}
	var wants []string
	for n := range parallel {
		wants = append(wants, message(100+n))
		if status := <-statuses; status != 204 {
			t.Errorf("send: %d", status)
		}
	}
	watch.ExpectAny(wants...)
	watch.Quiet()
}

// See docs/spec/edge-cases-http.md, case 187.
func TestFallback_CORS(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	const origin = "https://site.example"
	for _, action := range []string{"/xhr_streaming", "/xhr", "/xhr_send"} {
		c := testkit.Connect(t, srv)
		c.Write("OPTIONS /pusher/app/app-key/7/abcdefgh" + action + xhrQuery + " HTTP/1.1\r\nHost: x\r\nOrigin: " + origin +
			"\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n")
		r := c.Response("OPTIONS").Expect(204, "")
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin":  origin,
			"Access-Control-Allow-Methods": "OPTIONS, POST",
			"Access-Control-Allow-Headers": "content-type",
			"Access-Control-Max-Age":       "31536000",
			"Cache-Control":                "public, max-age=31536000",
			"Vary":                         "Origin",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", action, name, got, want)
			}
		}
	}
	x := established(t, srv, "app-key/7/cors0000")
	x.header.Set("Origin", origin)
	for status, body := range map[int]string{204: "[]", 400: "{}", 413: `["` + strings.Repeat("x", 300<<10) + `"]`} {
		r := x.request(t.Context(), "/xhr_send", "", body)
		_ = r.Body.Close()
		if got := r.Header.Get("Access-Control-Allow-Origin"); r.StatusCode != status || got != origin {
			t.Errorf("got %d for %q, want %d for %q", r.StatusCode, got, status, origin)
		}
	}
	unknown := newXHR(t, srv, "app-key/7/unknown0")
	unknown.header.Set("Origin", origin)
	r := unknown.request(t.Context(), "/xhr_send", "", "[]")
	_ = r.Body.Close()
	if r.StatusCode != 404 || r.Header.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("got %d %v", r.StatusCode, r.Header)
	}
	if r.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("credentials are allowed")
	}
}

// See docs/spec/http-fallback.md#lines.
func TestFallback_Headers(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	x := newXHR(t, srv, "app-key/7/headers0")
	x.header.Set("Accept-Encoding", "gzip")
	for _, action := range []string{"/xhr", "/xhr_streaming"} {
		x.base += "1"
		r := x.request(t.Context(), action, xhrQuery, "")
		_ = r.Body.Close()
		for name, want := range map[string]string{
			"Content-Type":      "application/javascript; charset=UTF-8",
			"Cache-Control":     "no-store, no-cache, no-transform, must-revalidate, max-age=0",
			"X-Accel-Buffering": "no",
			"Content-Encoding":  "",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", action, name, got, want)
			}
		}
		if streaming := action == "/xhr_streaming"; (r.ContentLength < 0) != streaming {
			t.Errorf("%s: the length is %d", action, r.ContentLength)
		}
	}
}

// See docs/spec/edge-cases-http.md, case 188.
func TestFallback_SameIDOfTwoApps(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{testkit.App(), testkit.App(func(a *apps.App) {
		a.ID, a.Keys = "b", []apps.Key{{Key: "b1", Secret: "s"}, {Key: "b2", Secret: "s"}}
	})}})
	a := established(t, srv, "app-key/7/thesame0")
	b := established(t, srv, "b1/7/thesame0")
	if a.id == b.id {
		t.Error("two apps share a session")
	}
	a.say(`{"event":"pusher:ping","data":{}}`)
	publish(t, srv, "c", "1")
	// Two keys of one app name one session, whatever the part for load balancers.
	b2 := newXHR(t, srv, "b2/8/thesame0")
	b2.say(`{"event":"pusher:subscribe","data":{"channel":"b"}}`)
	if l := b.poll(); len(l) != 1 || !strings.Contains(l[0], "subscription_succeeded") {
		t.Errorf("told %q", l)
	}
}

// Clients that choose their ids themselves may choose longer ones.
func TestFallback_LongIDs(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	established(t, srv, "app-key/7/"+strings.Repeat("Az09-_kX", 8)).joined("c")
}

// See docs/spec/edge-cases-http.md, case 189.
func TestFallback_WrongNode(t *testing.T) {
	t.Parallel()
	o := uncounted()
	o.Sockets.ReceiveWithin = unhurried
	one, two := testkit.Start(t, o), testkit.Start(t, o)
	x := established(t, one, "app-key/7/wrongone")
	x.joined("c")
	elsewhere := newXHR(t, two, "app-key/7/wrongone")
	if status := elsewhere.send(`{"event":"pusher:ping","data":{}}`); status != 404 {
		t.Errorf("send to another node: %d", status)
	}
	elsewhere.established(elsewhere.poll()) // pusher-js: "Server lost session"
	testkit.Eventually(t, "both sessions are gone", func() bool { return one.Sockets.Sockets()+two.Sockets.Sockets() == 0 })
}

// See docs/spec/edge-cases-http.md, case 190.
func TestFallback_OddPaths_404(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	for _, path := range []string{
		"/pusher/app/app-key/7/a.b", "/pusher/app/app-key/7.1/abcdefgh", "/pusher/app/app-key/7/..", "/pusher/app/app-key/../abcdefgh",
		"/pusher/app/app-key//abcdefgh", "/pusher/app/app-key/7/", "/pusher/app/app-key/7/a/b", "/pusher/app/app-key/7",
		"/pusher/app/app-key/7/a%2Fb", "/pusher/app/app-key/7/%2e%2e", "/pusher/app/app-key/7/é", "/pusher/app/app-key/7/a%00b",
		"/pusher/app/app-key/7/" + strings.Repeat("a", 65), "/pusher/app/app-key/" + strings.Repeat("7", 65) + "/a",
		"/pusher/pusher/app/app-key/7/abcdefgh", "/other/app/app-key/7/abcdefgh", "/pusher/apps/app-key/7/abcdefgh",
	} {
		for _, action := range []string{"/xhr", "/xhr_streaming", "/xhr_send", "/xhr/", "/xhr_what"} {
			c := testkit.Connect(t, srv)
			c.Write("POST " + path + action + xhrQuery + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]")
			if r := c.Response("POST"); r.Status != 404 {
				t.Errorf("%s: got %d %s, want 404", path+action, r.Status, r.Body)
			}
		}
	}
	if n := srv.Sockets.Sockets(); n != 0 {
		t.Errorf("%d sessions were made", n)
	}
}

func TestFallback_Paths(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*httpapi.Config)
		paths  []string
		none   []string
	}{
		"usual":   {nil, []string{"/pusher/app/app-key/1/a", "/app/app-key/1/b"}, nil},
		"changed": {func(c *httpapi.Config) { c.Fallback.Path = "/fall" }, []string{"/fall/app/app-key/1/a", "/app/app-key/1/b"}, []string{"/pusher/app/app-key/1/c"}},
		"prefix":  {func(c *httpapi.Config) { c.PathPrefix = "/rt" }, []string{"/rt/pusher/app/app-key/1/a", "/pusher/app/app-key/1/b", "/rt/app/app-key/1/c"}, nil},
		"off":     {func(c *httpapi.Config) { c.Fallback.Disabled = true }, nil, []string{"/pusher/app/app-key/1/a", "/app/app-key/1/b"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := uncounted()
			o.HTTP = tc.change
			srv := testkit.Start(t, o)
			for _, path := range tc.paths {
				x := newXHR(t, srv, "")
				x.base = path
				x.established(x.poll())
			}
			for _, path := range tc.none {
				x := newXHR(t, srv, "")
				x.base = path
				r := x.request(t.Context(), "/xhr", xhrQuery, "")
				_ = r.Body.Close()
				if r.StatusCode != 404 {
					t.Errorf("%s: %d", path, r.StatusCode)
				}
			}
		})
	}
}

// See docs/spec/edge-cases-http.md, case 191.
func TestFallback_ServerCloses(t *testing.T) {
	t.Parallel()
	o := uncounted()
	o.Sockets.ReceiveWithin = unhurried
	srv := testkit.Start(t, o)
	for name, streaming := range map[string]bool{"polling": false, "streaming": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := established(t, srv, "app-key/7/"+name)
			var told []string
			if streaming {
				s := x.stream()
				x.say(`{"event":"pusher:signin","data":{"auth":"app-key:0","user_data":"{}"}}`)
				told = x.lines(s.rest())
			} else {
				held := x.polled()
				x.say(`{"event":"pusher:signin","data":{"auth":"app-key:0","user_data":"{}"}}`)
				told = <-held
			}
			if len(told) != 2 || !strings.Contains(told[0], "pusher:error") || !strings.HasPrefix(told[1], "c[4009,") {
				t.Fatalf("told %q", told)
			}
			for range 2 {
				if again := x.poll(); len(again) != 1 || again[0] != told[1] {
					t.Fatalf("the next receive was told %q", again)
				}
				if status := x.send("{}"); status != 404 {
					t.Fatalf("send: %d", status)
				}
			}
			testkit.Eventually(t, "the session is forgotten", func() bool {
				l := x.poll()
				return len(l) == 2 && l[0] == "o"
			})
		})
	}
}

// See docs/spec/edge-cases-http.md, case 192.
func TestFallback_BetweenPolls(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	x := established(t, srv, "app-key/7/between0")
	x.joined("c")
	var want []string
	for i := range 20 {
		data := strconv.Itoa(i) + " é\u2028\"\\"
		publish(t, srv, "c", data)
		want = append(want, string(pusherproto.AppendEvent(nil, "e", "c", pusherproto.AppendString(nil, data))))
	}
	l := x.poll()
	if len(l) != 1 {
		t.Fatalf("told %q", l)
	}
	if diff := cmp.Diff(want, x.messages(l[0])); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// See docs/spec/http-fallback.md#heartbeats.
func TestFallback_Heartbeats(t *testing.T) {
	t.Parallel()
	o := uncounted()
	o.Sockets.Heartbeat = quick
	srv := testkit.Start(t, o)
	x := established(t, srv, "app-key/7/heartbea")
	if l := x.poll(); len(l) != 1 || l[0] != "h" {
		t.Errorf("the poll was told %q", l)
	}
	s := x.stream()
	for range 2 {
		if line := s.line(); line != "h" {
			t.Errorf("the stream was told %q", line)
		}
		x.say()
	}
}

func TestFallback_Drain(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	x := established(t, srv, "app-key/7/drain000")
	s := established(t, srv, "app-key/7/drain001").stream()
	held := x.polled()
	testkit.Eventually(t, "the poll is held", func() bool { x.say(); return true })
	if err := srv.Sockets.Drain(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if l := <-held; len(l) != 1 || !strings.HasPrefix(l[0], "c[4200,") {
		t.Errorf("the poll was told %q", l)
	}
	if rest := s.rest(); !strings.HasPrefix(rest, "c[4200,") {
		t.Errorf("the stream was told %q", rest)
	}
	late := newXHR(t, srv, "app-key/7/drain002")
	if l := late.poll(); len(l) != 3 || !strings.HasPrefix(l[2], "c[4100,") {
		t.Errorf("a new session was told %q", l)
	}
}

// A proxy may speak HTTP/1.0, as nginx does unless told otherwise.
func TestFallback_HTTP10(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	c := testkit.Connect(t, srv)
	c.Write("POST /pusher/app/app-key/7/oldproxy/xhr_streaming" + xhrQuery + " HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
	x := newXHR(t, srv, "app-key/7/oldproxy")
	testkit.Eventually(t, "the session is there", func() bool { return x.send() == 204 })
	x.stream() // replaces it
	text := c.Rest()
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.0 200") || !strings.HasPrefix(body, strings.Repeat("h", 2048)+"\no\na[") || !strings.HasSuffix(body, "]\n") {
		t.Errorf("got %q", text)
	}
}

func TestFallback_AccessLogHidesTheSession(t *testing.T) {
	var log safeBuffer
	o := uncounted()
	o.HTTP = func(c *httpapi.Config) { c.AccessLog, c.Logger = true, slog.New(slog.NewTextHandler(&log, nil)) }
	srv := testkit.Start(t, o)
	x := established(t, srv, "app-key/7/secretid")
	x.say()
	testkit.Eventually(t, "both are logged", func() bool { return strings.Count(log.String(), "path=") == 2 })
	if text := log.String(); strings.Contains(text, "secretid") || !strings.Contains(text, "/pusher/app/app-key/…/xhr_send") {
		t.Errorf("the log says %s", text)
	}
}

// A client is found gone while its receive waits.
func TestFallback_GoneWhileWaiting(t *testing.T) {
	t.Parallel()
	o := uncounted()
	o.Sockets.ReceiveWithin = quick
	srv := testkit.Start(t, o)
	for _, action := range []string{"/xhr", "/xhr_streaming"} {
		established(t, srv, "app-key/7/gone0000")
		c := testkit.Connect(t, srv)
		c.Write("POST /pusher/app/app-key/7/gone0000" + action + xhrQuery + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		c.Close()
		testkit.Eventually(t, "the session is gone", func() bool { return srv.Sockets.Sockets() == 0 })
	}
}

func TestFallback_NothingIsLeftBehind(t *testing.T) {
	o := uncounted()
	o.Leaks = true
	srv := testkit.Start(t, o)
	for i := range 20 {
		x := established(t, srv, "app-key/7/left"+strconv.Itoa(i))
		if i%2 == 0 {
			x.stream()
			continue
		}
		c := testkit.Connect(t, srv)
		c.Write("POST " + x.base + "/xhr" + xhrQuery + " HTTP/1.1\r\nHost: x\r\n\r\n")
	}
}
