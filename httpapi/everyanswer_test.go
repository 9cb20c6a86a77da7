package httpapi_test

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
)

// answerCase is a request that is refused.
type answerCase struct {
	name   string
	call   testkit.Call
	change func(text string) string // of the request as it is sent; nil is none
	status int
	app    string // id in the line; "" is none
	reason channels.Reason
}

const smallEvent = `{"name":"e","channel":"c","data":"hush"}`

var overRate = testkit.Call{Path: "/apps/slow/events", Body: smallEvent, Key: "slow", Secret: "hush-secret"}

// without gives a parameter of the query another name.
func without(name string) func(string) string { return instead(name+"=", "other=") }

func instead(old, fresh string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, fresh, 1) }
}

// own is a request that is no call of a back end.
func own(line string) func(string) string {
	return func(text string) string {
		_, rest, _ := strings.Cut(text, "\r\n")
		return line + " HTTP/1.1\r\n" + rest
	}
}

const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// handshake is a request for a WebSocket with one header changed.
func handshake(old, fresh string) func(string) string {
	return func(text string) string {
		text = own("GET /app/app-key?protocol=7")(text)
		head, _, _ := strings.Cut(text, "\r\n\r\n")
		return strings.Replace(head+"\r\n"+upgrade, old, fresh, 1)
	}
}

var answers = []answerCase{
	{"no such app", testkit.Call{Path: "/apps/nobody/events", Body: smallEvent}, nil, 404, "", "not_found"},
	{"no such key", testkit.Call{Path: "/events", Body: smallEvent, Key: "other", Secret: hush}, nil, 401, "app-id", "unauthorized"},
	{"wrong secret", testkit.Call{Path: "/events", Body: smallEvent, Key: "app-key", Secret: hush}, nil, 401, "app-id", "unauthorized"},
	{"no signature", testkit.Call{Path: "/events", Body: smallEvent}, without("auth_signature"), 401, "app-id", "unauthorized"},
	{"no timestamp", testkit.Call{Path: "/events", Body: smallEvent}, without("auth_timestamp"), 401, "app-id", "unauthorized"},
	{"no MD5", testkit.Call{Path: "/events", Body: smallEvent}, without("body_md5"), 401, "app-id", "unauthorized"},
	{"old", testkit.Call{Path: "/events", Body: smallEvent, Time: time.Unix(1_000_000, 0)}, nil, 401, "app-id", "unauthorized"},
	{"another body", testkit.Call{Path: "/events", Body: smallEvent}, instead(`"hush"`, `"HUSH"`), 401, "app-id", "unauthorized"},
	{"a disabled app", testkit.Call{Path: "/apps/off/events", Body: smallEvent, Key: "off", Secret: "hush-secret"}, nil, 403, "off", "app_disabled"},
	{"no JSON", testkit.Call{Path: "/events", Body: `{"hush`}, nil, 400, "app-id", "invalid_request"},
	{"no name", testkit.Call{Path: "/events", Body: `{"channel":"c","data":"hush"}`}, nil, 400, "app-id", "invalid_request"},
	{"no channel", testkit.Call{Path: "/events", Body: `{"name":"e","data":"hush"}`}, nil, 400, "app-id", "invalid_request"},
	{"no data", testkit.Call{Path: "/events", Body: `{"name":"e","channel":"c"}`}, nil, 400, "app-id", "invalid_request"},
	{"a bad channel", testkit.Call{Path: "/events", Body: `{"name":"e","channel":"c c","data":"hush"}`}, nil, 400, "app-id", "invalid_request"},
	{"a bad socket id", testkit.Call{Path: "/events", Body: `{"name":"e","channel":"c","data":"hush","socket_id":"x"}`}, nil, 400, "app-id", "invalid_request"},
	{"a bad info", testkit.Call{Path: "/events", Body: `{"name":"e","channel":"c","data":"hush","info":"x"}`}, nil, 400, "app-id", "invalid_request"},
	{"large data", testkit.Call{Path: "/events", Body: `{"name":"e","channel":"c","data":"` + strings.Repeat(hush, 3000) + `"}`}, nil, 413, "app-id", "request_too_large"},
	{"a large body", testkit.Call{Path: "/events", Body: `{"name":"e","channel":"c","data":"` + strings.Repeat(hush, 30_000) + `"}`}, nil, 413, "app-id", "request_too_large"},
	{"a batch that is none", testkit.Call{Path: "/batch_events", Body: smallEvent}, nil, 400, "app-id", "invalid_request"},
	{"a large batch", testkit.Call{Path: "/batch_events", Body: `{"batch":[` + strings.Repeat(smallEvent+",", 10) + smallEvent + `]}`}, nil, 400, "app-id", "invalid_request"},
	{"encoded", testkit.Call{Path: "/events", Body: smallEvent, Header: http.Header{"Content-Encoding": {"gzip"}}}, nil, 415, "app-id", "invalid_request"},
	{"users of a public channel", testkit.Call{Path: "/channels/c/users"}, nil, 400, "app-id", "invalid_request"},
	{"a count of users", testkit.Call{Path: "/channels", Query: map[string]string{"info": "user_count"}}, nil, 400, "app-id", "invalid_request"},
	{"the cache of all", testkit.Call{Path: "/channels", Query: map[string]string{"info": "cache"}}, nil, 400, "app-id", "invalid_request"},
	{"a user's channel", testkit.Call{Path: "/channels/%23server-to-user-1"}, nil, 400, "app-id", "invalid_request"},
	{"no such path", testkit.Call{Path: "/nothing"}, nil, 404, "", "not_found"},
	{"the wrong method", testkit.Call{Method: "DELETE", Path: "/channels"}, nil, 405, "", "method_not_allowed"},
	{"a used key", testkit.Call{Path: "/events", Body: keyedEvent("hush", "hush")}, nil, 409, "app-id", "idempotency_key_used"},
	{"over the rate", overRate, nil, 429, "slow", "rate_limit"},

	{"outside of everything", testkit.Call{Path: "/events"}, own("GET /elsewhere"), 404, "", "not_found"},
	{"not ready", testkit.Call{Path: "/events"}, own("GET /readyz"), 503, "", "unavailable"},
	{"no upgrade", testkit.Call{Path: "/events"}, own("GET /app/app-key"), 426, "", "upgrade_required"},
	{"a large head", testkit.Call{Path: "/events", Header: http.Header{"X-Large": {strings.Repeat(hush, 3000)}}}, nil, 431, "", "request_too_large"},
	{"upgrade without Connection", testkit.Call{Path: "/events"}, handshake("Connection: Upgrade", "Connection: keep-alive"), 400, "", "invalid_request"},
	{"upgrade with POST", testkit.Call{Path: "/events"}, handshake("GET ", "POST "), 405, "", "method_not_allowed"},
	{"another version", testkit.Call{Path: "/events"}, handshake("Version: 13", "Version: 8"), 426, "", "upgrade_required"},
	{"no nonce", testkit.Call{Path: "/events"}, handshake("dGhlIHNhbXBsZSBub25jZQ==", "x"), 400, "", "invalid_request"},

	{"a send to no app", testkit.Call{Path: "/events", Body: "[]"}, own("POST /pusher/app/nobody/7/hushabcd/xhr_send"), 404, "", "not_found"},
	{"a send to no session", testkit.Call{Path: "/events", Body: "[]"}, own("POST /pusher/app/app-key/7/hushabcd/xhr_send"), 404, "app-id", channels.ReasonUnknownSession},
	{"a session with a bad name", testkit.Call{Path: "/events", Body: "[]"}, own("POST /pusher/app/app-key/7/hush!/xhr"), 404, "", "not_found"},
	{"a send from elsewhere", testkit.Call{Path: "/events", Body: "[]", Header: http.Header{"Origin": {"https://evil.example"}}}, own("POST /pusher/app/off/7/hushabcd/xhr_send"), 403, "off", "app_disabled"},
}

// Whatever the HTTP side refuses has a line with its status and why, whichever
// way the request takes, and is counted.
func TestEveryAnswer_ThatRefuses_HasItsLine(t *testing.T) {
	named := func(id string, change func(*apps.App)) apps.App {
		return testkit.App(func(a *apps.App) {
			a.ID, a.Keys = id, []apps.Key{{Key: id, Secret: "hush-secret"}}
			change(a)
		})
	}
	o := testkit.Options{
		Apps: []apps.App{
			testkit.App(func(a *apps.App) { a.Keys[0].Secret = "hush-secret" }),
			named("off", func(a *apps.App) { a.Enabled, a.AllowedOrigins = false, []string{"https://chat.example"} }),
			named("slow", func(a *apps.App) { a.Limits.EventsPerSecond, a.Limits.MaxBatchEvents = 1, 1 }),
		},
		HTTP: func(c *httpapi.Config) {
			c.MaxHeaderBytes = 8 << 10
			c.Ready = func() bool { return false }
		},
	}
	everyWay(t, slog.LevelDebug, o, func(t *testing.T, srv *testkit.Server, b *logbook.Book) {
		srv.Do(t, overRate).Expect(200, "{}") // the one event of this second
		srv.Post(t, "/events", keyedEvent("hush", "other")).Expect(200, "{}")
		for i, tc := range answers {
			id := "r" + strconv.Itoa(i)
			header := tc.call.Header.Clone()
			if header == nil {
				header = http.Header{}
			}
			header.Set("X-Request-Id", id)
			tc.call.Header = header
			text := srv.Text(tc.call)
			if tc.change != nil {
				text = tc.change(text)
			}
			before := counted(srv, tc.app, tc.reason)
			c := testkit.Connect(t, srv)
			c.Write(text)
			if r := c.Response("POST"); r.Status != tc.status {
				t.Errorf("%s: answered %d %s, want %d", tc.name, r.Status, r.Body, tc.status)
				continue
			}
			parts := []string{"level=DEBUG", "request=" + id, "status=" + strconv.Itoa(tc.status), "address=127.0.0.1"}
			if tc.app != "" {
				parts = append(parts, "app="+tc.app)
			}
			if tc.app != "" && strings.Contains(text, " /apps/") {
				parts = append(parts, `msg="api call"`)
			}
			line := b.Expect(t, parts...)
			for _, key := range []string{" method=", " path=", " took=", " reason="} {
				if !strings.Contains(line, key) {
					t.Errorf("%s: no %s in %s", tc.name, key, line)
				}
			}
			if got := counted(srv, tc.app, tc.reason); got != before+1 {
				t.Errorf("%s: %s of app %q is counted %d times, before %d; counted are %v", tc.name, tc.reason, tc.app, got, before, srv.Hub.Stats().Refused)
			}
		}
		noHush(t, b)
	})
}

// A body that does not come is refused in time.
func TestEveryAnswer_BodyThatDoesNotCome(t *testing.T) {
	o := testkit.Options{HTTP: func(c *httpapi.Config) { c.HeaderTimeout, c.BodyTimeout = testkit.Patience, time.Second }}
	everyWay(t, slog.LevelDebug, o, func(t *testing.T, srv *testkit.Server, b *logbook.Book) {
		c := testkit.Connect(t, srv)
		c.Write(unfinished(srv, "X-Request-Id: late\r\nContent-Length: 100\r\n\r\n{"))
		c.Response("POST").ExpectError(408)
		b.Expect(t, `msg="api call"`, "request=late", "app=app-id", "status=408")
		testkit.Eventually(t, "it is counted", func() bool { return counted(srv, "app-id", "timeout") == 1 })
	})
}

// The tables provoke every reason that a refusal can have.
func TestEveryReason_IsProvoked(t *testing.T) {
	provoked := []channels.Reason{
		// TestConnectionRefused_EachHasItsLine and TestConnectionRefused_Path
		"unknown_app", "app_disabled", "tls_required", "over_capacity", "unsupported_protocol", "unauthorized", "restarting", "path_not_found",
		"message_timeout",         // sockets TestMessage_NeverWhole_IsClosedInTime
		"memory",                  // TestMemory_ShortOfIt_NothingNewIsLetIn
		"over_quota",              // TestEveryClose_OverQuota_IsRefused
		"address_limit",           // TestAddressLimit_FurtherSockets_4100
		"timeout",                 // TestEveryAnswer_BodyThatDoesNotCome
		"internal_error",          // TestPanic_AnsweredAndLogged
		"other",                   // of codes that are not listed: there is none
		channels.ReasonSlowReader, // TestEveryClose_HasItsLine, like those below
		"pong_timeout", "invalid_frame", "binary_message", "invalid_text", channels.ReasonMessageTooLarge,
		"watchlist_too_long",                                                                // TestEveryRefusal_LongWatchlist
		channels.ReasonClusterAway, channels.ReasonClusterDoubt, channels.ReasonClusterFull, // TestCluster_PublishThatFails_SaysWhatBecameOfIt
	}
	for _, tc := range sessionRefusals {
		provoked = append(provoked, tc.reason)
	}
	for _, tc := range answers {
		provoked = append(provoked, tc.reason)
	}
	slices.Sort(provoked)
	provoked = slices.Compact(provoked)
	if all := channels.Reasons(); !slices.Equal(provoked, all) {
		t.Errorf("provoked %q\nthere are %q", provoked, all)
	}
}
