package httpapi_test

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
)

// See docs/spec/edge-cases-http.md, case 62; docs/spec/http-api.md#endpoints.
func TestRoutes_OddPaths_404(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	for _, path := range []string{
		"/apps", "/apps/", "/apps/app-id", "/apps/app-id/", "/apps/app-id/nothing",
		"/apps/app-id/events/", "/apps//app-id/events", "//apps/app-id/events", "/apps/./app-id/events", "/apps/x/../app-id/events",
		"/apps/app-id//events", "/apps/app-id/./events", "/apps/app-id/channels/", "/apps/app-id/channels//users",
		"/apps/app-id/channels/a/b/c", "/apps/app-id/channels/a/users/", "/apps/app-id/users/7", "/apps/app-id/users//terminate_connections",
		"/apps/app-id/events/../../other/events", "/apps/app-id%2Fevents", "/app", "/app/", "/app/a/b", "/APPS/app-id/events", "/apps/no%20app/events",
	} {
		c := testkit.Connect(t, srv)
		c.Write("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		if r := c.Response("POST"); r.Status != 404 {
			t.Errorf("%s: got %d %s, want 404", path, r.Status, r.Body)
		} else {
			r.ExpectError(404)
		}
	}
}

// Spec: RFC 9112 §3.2.2: servers accept the absolute form.
func TestRoutes_AbsoluteForm(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	c := testkit.Connect(t, srv)
	c.Write(strings.Replace(srv.Text(testkit.Call{Path: "/channels"}), "GET ", "GET http://"+srv.Addr, 1))
	c.Response("GET").Expect(200, `{"channels":{}}`)
}

// See docs/spec/http-api.md#endpoints.
func TestRoutes_Methods(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	for _, tc := range []struct{ path, allow string }{
		{"/events", "OPTIONS, POST"},
		{"/batch_events", "OPTIONS, POST"},
		{"/channels", "OPTIONS, GET, HEAD"},
		{"/channels/a", "OPTIONS, GET, HEAD"},
		{"/channels/presence-a/users", "OPTIONS, GET, HEAD"},
		{"/channels/a/events", "OPTIONS, POST"},
		{"/users/7/terminate_connections", "OPTIONS, POST"},
	} {
		for _, method := range []string{"PUT", "DELETE", "OPTIONS"} {
			r := srv.Do(t, testkit.Call{Method: method, Path: tc.path})
			if got := r.Header.Get("Allow"); got != tc.allow {
				t.Errorf("%s %s: got Allow %q, want %q", method, tc.path, got, tc.allow)
			}
			if method == "OPTIONS" {
				r.Expect(204, "")
			} else {
				r.ExpectError(405, method)
			}
		}
	}
}

// See docs/spec/http-api.md#endpoints: HEAD like GET without body.
func TestRoutes_HEAD(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	get := srv.Get(t, "/channels").Expect(200, `{"channels":{}}`)
	head := srv.Do(t, testkit.Call{Method: http.MethodHead, Path: "/channels"}).Expect(200, "")
	if head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
		t.Errorf("HEAD answers %v, GET %v", head.Header, get.Header)
	}
	srv.Do(t, testkit.Call{Method: http.MethodHead, Path: "/channels/presence-a/users"}).Expect(200, "")
	if r := srv.Do(t, testkit.Call{Method: http.MethodHead, Path: "/channels", RawQuery: "x=y"}); r.Status != 401 {
		t.Errorf("HEAD without a signature: %d", r.Status)
	}
}

func TestHealth(t *testing.T) {
	var up atomic.Bool
	up.Store(true)
	var trouble atomic.Value
	trouble.Store("")
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) {
		c.PathPrefix = "/rt"
		c.Ready = up.Load
		c.Degraded = func() string { return trouble.Load().(string) }
	}})
	plain := func(path string) *testkit.Response {
		c := testkit.Connect(t, srv)
		c.Write("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		return c.Response("GET")
	}
	for _, prefix := range []string{"", "/rt"} {
		plain(prefix+"/healthz").Expect(200, `{"status":"ok"}`)
		plain(prefix+"/readyz").Expect(200, `{"status":"ready"}`)
	}
	trouble.Store(`"it" cannot be reached`)
	plain("/readyz").Expect(200, `{"status":"degraded","reason":"\"it\" cannot be reached"}`)
	plain("/healthz").Expect(200, `{"status":"ok"}`)
	up.Store(false)
	plain("/healthz").Expect(200, `{"status":"ok"}`)
	if r := plain("/readyz").ExpectError(503); r.Header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
}

// See docs/spec/edge-cases-http.md, case 73.
func TestRateLimit_429OnlyForTheAppThatIsOver(t *testing.T) {
	clock := testkit.NewClock(time.Unix(1_700_000_000, 0))
	limited := testkit.App(func(a *apps.App) { a.Limits.EventsPerSecond = 20 })
	other := testkit.App(func(a *apps.App) { a.ID, a.Keys = "other", []apps.Key{{Key: "other-key", Secret: "s"}} })
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{limited, other}, HTTP: func(c *httpapi.Config) { c.Now = clock.Now }})
	for range 10 {
		srv.Post(t, "/events", event).Expect(200, `{}`)
	}
	ten := batchOf(strings.Repeat(event+",", 9) + event)
	srv.Post(t, "/batch_events", ten).Expect(200, `{}`)
	if r := srv.Post(t, "/events", event).ExpectError(429, "20 events"); r.Header.Get("Retry-After") != "1" {
		t.Errorf("got Retry-After %q", r.Header.Get("Retry-After"))
	}
	srv.Do(t, testkit.Call{Path: "/apps/other/events", Body: event, Key: "other-key", Secret: "s"}).Expect(200, `{}`)
	srv.Get(t, "/channels").Expect(200, `{"channels":{}}`)

	clock.Advance(250 * time.Millisecond) // five events' worth: a batch of ten is not let in by half
	srv.Post(t, "/batch_events", ten).ExpectError(429)
	for range 5 {
		srv.Post(t, "/events", event).Expect(200, `{}`)
	}
	srv.Post(t, "/events", event).ExpectError(429)

	limited.Limits.EventsPerSecond = 0 // lifted while running
	if err := srv.Apps.Replace([]apps.App{limited, other}); err != nil {
		t.Fatal(err)
	}
	srv.Post(t, "/events", event).Expect(200, `{}`)
}

func TestAccessLog_HoldsNoSignature(t *testing.T) {
	var log safeBuffer
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) {
		c.AccessLog, c.Logger = true, slog.New(slog.NewTextHandler(&log, nil))
	}})
	c := testkit.Dial(t, srv)
	srv.Do(t, testkit.Call{Path: "/events", Body: event, Header: http.Header{"X-Request-Id": {"my-id"}}}).Expect(200, `{}`)
	srv.Do(t, testkit.Call{Path: "/events", Body: "{", Header: http.Header{"X-Request-Id": {"bad id\t"}}}).ExpectError(400)
	c.Quiet()
	testkit.Eventually(t, "three lines are logged", func() bool { return strings.Count(log.String(), "\n") == 3 })
	text := log.String()
	for _, want := range []string{"request=my-id app=app-id method=POST path=/apps/app-id/events status=200", "path=/app/app-key status=101", "status=400"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing from the log:\n%s", want, text)
		}
	}
	for _, secret := range []string{"auth_", "app-secret", "bad id"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q:\n%s", secret, text)
		}
	}
}

// A refusal is counted under its status.
func TestErrors_Counted(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	srv.Do(t, testkit.Call{Path: "/channels", RawQuery: "x=y"}).ExpectError(401)
	srv.Post(t, "/events", "{}").ExpectError(400)
	if got := srv.Hub.Stats().Refusals; got[401] != 1 || got[400] != 1 {
		t.Errorf("got %v", got)
	}
}

// What sockets read and write is counted, and no request or handshake, whoever
// answers it.
func TestStats_RequestsAreNoFrames(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	srv.Post(t, "/events", event).Expect(200, `{}`)
	srv.Get(t, "/channels").Expect(200, `{"channels":{}}`)
	if got := srv.Hub.Stats(); got.Published != 1 || got.FramesSent+got.BytesSent+got.Writes+got.BytesReceived != 0 {
		t.Errorf("got %+v", got)
	}
	testkit.Dial(t, srv) // reads connection_established
	testkit.Eventually(t, "one frame is counted", func() bool { return srv.Hub.Stats().FramesSent > 0 })
	if got := srv.Hub.Stats(); got.FramesSent != 1 || got.Writes != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestNew_RefusesWhatItCannotServe(t *testing.T) {
	if _, err := httpapi.New(httpapi.Config{}); err == nil {
		t.Error("a server without apps, hub and sockets was made")
	}
	srv := testkit.Start(t, testkit.Options{})
	if _, err := httpapi.New(httpapi.Config{Apps: srv.Apps, Hub: srv.Hub, Sockets: srv.Sockets, PathPrefix: "rt"}); err == nil {
		t.Error("a prefix without a slash was taken")
	}
}
