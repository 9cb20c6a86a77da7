package httpapi_test

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
)

// The lines of API calls and other requests are the same whichever way they
// take: at debug, or at info for an access log.
func TestRequestLog_SameOnBothWays(t *testing.T) {
	for _, access := range []bool{false, true} {
		o := testkit.Options{HTTP: func(c *httpapi.Config) { c.AccessLog = access }}
		level, name := slog.LevelDebug, "DEBUG"
		if access {
			level, name = slog.LevelInfo, "INFO"
		}
		logged(t, level, o, func(t *testing.T, srv *testkit.Server, log *logLines) {
			id := func(id string) http.Header { return http.Header{"X-Request-Id": {id}} }
			srv.Do(t, testkit.Call{Path: "/events", Body: event, Header: id("one")}).Expect(200, `{}`)
			srv.Do(t, testkit.Call{Path: "/batch_events", Body: `{"batch":[` + event + `]}`, Header: id("two")}).Expect(200, `{}`)
			srv.Do(t, testkit.Call{Path: "/events", Body: `{`, Header: id("three")}).ExpectError(400)
			srv.Do(t, testkit.Call{Path: "/channels", RawQuery: "auth_signature=ab", Header: id("four")}).ExpectError(401)
			srv.Do(t, testkit.Call{Path: "/apps/nobody/events", Body: event, Header: id("five")}).ExpectError(404)
			srv.Do(t, testkit.Call{Path: "/events", Body: event, Key: "app-key", Secret: "wrong", Query: map[string]string{"x": "auth_of_mine"}, Header: id("six")}).ExpectError(401)
			for i, want := range []map[string]string{
				{"request": "one", "app": "app-id", "method": "POST", "path": "/apps/app-id/events", "status": "200", "bytes": "2"},
				{"request": "two", "app": "app-id", "method": "POST", "path": "/apps/app-id/batch_events", "status": "200", "bytes": "2"},
				{"request": "three", "app": "app-id", "method": "POST", "path": "/apps/app-id/events", "status": "400", "reason": "body is not valid JSON…"},
				{"request": "four", "app": "app-id", "method": "GET", "path": "/apps/app-id/channels", "status": "401", "reason": "…"},
				{"request": "five", "app": "", "method": "POST", "path": "/apps/nobody/events", "status": "404", "reason": "there is no app…"},
				{"request": "six", "app": "app-id", "method": "POST", "path": "/apps/app-id/events", "status": "401", "reason": "Invalid signature"},
			} {
				want["level"], want["address"] = name, "127.0.0.1"
				log.expect(i+1, "api call", want)
			}
			if took, ok := log.with("api call")[0]["took"].(float64); !ok || took <= 0 {
				t.Errorf("took is %v", log.with("api call")[0]["took"])
			}
			testkit.Dial(t, srv)
			log.expect(1, "request", map[string]string{"app": "app-id", "method": "GET", "path": "/app/app-key", "status": "101", "address": "127.0.0.1"})
			established(t, srv, "app-key/7/secretid").send()
			log.expect(2, "request", map[string]string{"app": "app-id", "method": "POST", "path": "/pusher/app/app-key/…/xhr", "status": "200"})
			log.expect(3, "request", map[string]string{"app": "app-id", "path": "/pusher/app/app-key/…/xhr_send", "status": "204"})
			expectNoSecret(t, log)
		})
	}
}

// What is off writes nothing.
func TestRequestLog_OffUnlessAskedFor(t *testing.T) {
	logged(t, slog.LevelInfo, testkit.Options{}, func(t *testing.T, srv *testkit.Server, log *logLines) {
		srv.Post(t, "/events", event).Expect(200, `{}`)
		srv.Post(t, "/events", "{").ExpectError(400)
		testkit.Dial(t, srv)
		if text := log.String(); text != "" {
			t.Errorf("the log says %s", text)
		}
	})
}

// Whatever the path looks like, the log holds neither the id of a session nor a
// signature.
func TestRequestLog_OddPathsHideSecrets(t *testing.T) {
	logged(t, slog.LevelDebug, testkit.Options{}, func(t *testing.T, srv *testkit.Server, log *logLines) {
		n := 0
		for _, path := range []string{
			"/pusher/app/app-key/7/secretid/xhr", "/pusher/app/app-key/7/secretid/xhr/", "/pusher/app/app-key/7/secretid/XHR",
			"/pusher/app/app-key/7/secretid%2Fxhr", "/pusher/app/app-key%2F7%2Fsecretid%2Fxhr", "/pusher/app/app-key/7%2Fsecretid/x/xhr",
			"/pusher/app/app-key%2F7%2Fsecretid/a/b/xhr", "/pusher%2Fapp%2Fapp-key%2F7%2Fsecretid%2Fxhr", "/pusher/%61pp/app-key/7/secretid/xhr",
			"/pusher%252Fapp%252Fapp-key%252Fsecretid", "/pusher%25252525252Fapp%25252525252Fapp-key%25252525252Fsecretid",
			"/pusher/APP/app-key/7/secretid/xhr", "//pusher//app//app-key//7//secretid//xhr", "/elsewhere/app/app-key/7/secretid/xhr",
			"/pusher/app/app-key/7/secretid", "/pusher/app/app-key/7/secretid/xhr_streaming/more", "/pusher\\app\\app-key\\secretid",
			"/app/app-key/7/secretid/iframe.html", "/apps/app-id/events%3Fauth_signature=abc", "/apps/app-id/events%253Fauth_signature=abc",
			"/apps/app-id/channels/a%3Fauth_signature=abc", "/nothing%3fauth_signature=abc",
		} {
			for _, upgrade := range []string{"", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"} {
				n++
				method := "POST"
				if upgrade != "" {
					method = "GET"
				}
				c := testkit.Connect(t, srv)
				path := strings.Replace(path, "secretid", "secretid"+strconv.Itoa(n), 1) // each a new session
				c.Write(method + " " + path + "?protocol=7&auth_signature=abc HTTP/1.1\r\nHost: x\r\n" + upgrade + "\r\n")
				c.Response(method)
				c.Close()
			}
		}
		testkit.Eventually(t, "each request has its line", func() bool {
			return len(log.with("request"))+len(log.with("api call")) >= n
		})
		expectNoSecret(t, log)
		if !strings.Contains(log.String(), "/pusher/app/app-key/…/xhr") {
			t.Error("the usual path is not shown")
		}
	})
}

// Over its limit an app's calls are refused, which its operator has to know.
func TestRequestLog_OverTheRate_Warns(t *testing.T) {
	app := testkit.App()
	app.Limits.EventsPerSecond, app.Limits.MaxBatchEvents = 1, 1
	logged(t, slog.LevelInfo, testkit.Options{Apps: []apps.App{app}}, func(t *testing.T, srv *testkit.Server, log *logLines) {
		srv.Post(t, "/events", event).Expect(200, `{}`)
		srv.Post(t, "/events", event).ExpectError(429)
		log.expect(1, "api call refused", map[string]string{"level": "WARN", "app": "app-id", "status": "429", "reason": "the app may publish 1 events a second…", "path": "/apps/app-id/events"})
	})
}
