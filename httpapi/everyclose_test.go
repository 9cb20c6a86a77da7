package httpapi_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
	"fanfare/sockets"
)

// closeCase is one way in which an open connection ends.
type closeCase struct {
	name string
	app  string
	do   func(v *visitor)
	line []string
	over []string // the transports that know it; nil is all
	// receiveWithin is the time to the next poll; 0 is the usual one.
	receiveWithin time.Duration
}

var closes = []closeCase{
	{
		name: "its app is disabled", app: "off", do: func(v *visitor) {
			list := closingApps()
			for i := range list {
				list[i].Enabled = list[i].ID != "off"
			}
			if err := v.srv.Apps.Replace(list); err != nil {
				v.t.Fatal(err)
			}
			v.srv.Sockets.Renew(v.srv.Apps)
			v.t.Cleanup(func() { _ = v.srv.Apps.Replace(closingApps()) })
		}, line: closed("4003", "server"),
	},
	{"its user is terminated", "", func(v *visitor) {
		v.signIn(`{"id":"7"}`)
		v.log.Expect(v.t, `msg="signed in"`, "socket="+v.id)
		v.srv.Post(v.t, "/users/7/terminate_connections", "").Expect(200, "{}")
	}, closed("4009", "server"), nil, 0},
	{"a refused sign-in", "", func(v *visitor) { v.signInAs(`{"id":"7"}`, "app-key:hush") }, closed("4009", "server"), nil, 0},
	{"no authorization in time", "strict", func(*visitor) {}, closed("4009", "server"), nil, 0},
	{"a slow reader", "", func(v *visitor) {
		v.subscribe("news", "")
		testkit.Eventually(v.t, "the queue is full", func() bool {
			publish(v.t, v.srv, "news", strings.Repeat(hush, 2000))
			return v.srv.Hub.Stats().SlowReaders > v.slow
		})
	}, []string{"level=WARN", `msg="connection closed"`, "code=4100", "by=server"}, nil, 0},
	{"no sign of life", "silent", func(*visitor) {}, closed("4201", "server"), []string{"websocket", "xhr_streaming"}, 0},
	{"no further poll", "", func(*visitor) {}, closed("1006", "network"), []string{"xhr_polling"}, time.Second},
	{"a connection cut", "", func(v *visitor) { v.leave() }, closed("1006", "network"), []string{"websocket", "xhr_streaming"}, time.Second},

	{"the client's close", "", func(v *visitor) {
		v.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusGoingAway, "bye")))
	}, append(closed("1001", "client"), "reason=bye"), []string{"websocket"}, 0},
	{"a bad frame", "", func(v *visitor) {
		f := ws.NewTextFrame([]byte(hush))
		f.Header.Rsv = ws.Rsv(true, false, false)
		v.frame(f)
	}, closed("1002", "server"), []string{"websocket"}, 0},
	{"a binary message", "", func(v *visitor) { v.frame(ws.NewBinaryFrame([]byte(hush))) }, closed("1003", "server"), []string{"websocket"}, 0},
	{"text that is none", "", func(v *visitor) { v.frame(ws.NewTextFrame([]byte(hush + "\xff"))) }, closed("1007", "server"), []string{"websocket"}, 0},
	{"a huge message", "", func(v *visitor) {
		v.frame(ws.Frame{Header: ws.Header{Fin: true, OpCode: ws.OpText, Length: 1 << 40}})
	}, closed("1009", "server"), []string{"websocket"}, 0},
}

func closed(code, by string) []string {
	return []string{"level=DEBUG", `msg="connection closed"`, "code=" + code, "by=" + by}
}

func closingApps() []apps.App {
	named := func(id string, change func(*apps.App)) apps.App {
		return testkit.App(func(a *apps.App) {
			a.ID, a.Keys = id, []apps.Key{{Key: id, Secret: "hush-secret"}}
			change(a)
		})
	}
	return []apps.App{
		testkit.App(func(a *apps.App) { a.Keys[0].Secret = "hush-secret" }),
		named("off", func(*apps.App) {}),
		named("strict", func(a *apps.App) { a.RequireAuthorization, a.AuthorizationTimeout = true, time.Second }),
		named("silent", func(a *apps.App) { a.ActivityTimeout, a.PongTimeout = time.Second, time.Second }),
	}
}

// However an open connection ends, its line says with which code and by whom,
// and the metrics count the code, over every transport. Each way has servers of
// its own, and short timeouts only where they are what ends it.
func TestEveryClose_HasItsLine(t *testing.T) {
	for _, tc := range closes {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := testkit.Options{Apps: closingApps(), Sockets: sockets.Config{QueueBytes: 64 << 10, Heartbeat: time.Second, CloseTimeout: time.Second}}
			o.Sockets.ReceiveWithin = tc.receiveWithin
			everyWay(t, slog.LevelDebug, o, func(t *testing.T, srv *testkit.Server, b *logbook.Book) {
				for transport := range transports {
					if tc.over == nil || slices.Contains(tc.over, transport) {
						t.Run(transport, func(t *testing.T) { tc.hold(t, srv, b, transport) })
					}
				}
				noHush(t, b)
			})
		})
	}
}

// The end of the server is an end of connections too. Nothing can be opened
// after it.
func TestEveryClose_OfTheServer_HasItsLine(t *testing.T) {
	ends := []closeCase{
		{"a drain", "", func(v *visitor) {
			ctx, cancel := context.WithCancel(v.t.Context())
			v.t.Cleanup(cancel)
			go func() { _ = v.srv.Sockets.Drain(ctx, 0) }()
		}, closed("4200", "server"), nil, 0},
		{"a restart", "", func(v *visitor) {
			go func() {
				_ = v.srv.Sockets.Quiesce(context.Background())
				v.srv.Sockets.Release()
			}()
		}, closed("4100", "server"), nil, 0},
	}
	for _, tc := range ends {
		for transport := range transports {
			o := testkit.Options{Apps: closingApps(), Sockets: sockets.Config{CloseTimeout: time.Second}}
			everyWay(t, slog.LevelDebug, o, func(t *testing.T, srv *testkit.Server, b *logbook.Book) {
				tc.hold(t, srv, b, transport)
				noHush(t, b)
			})
		}
	}
}

// hold looks for the line and the count of a connection that ends so.
func (tc closeCase) hold(t *testing.T, srv *testkit.Server, b *logbook.Book, transport string) {
	t.Helper()
	key := tc.app
	if key == "" {
		key = "app-key"
	}
	slow, code := srv.Hub.Stats().SlowReaders, strings.TrimPrefix(tc.line[2], "code=")
	app, ok := srv.Apps.ByKey(key)
	if !ok {
		t.Fatalf("no app has the key %s", key)
	}
	before := closedWith(srv, app.ID, code) // those of a short timeout may be closed at any time from here on
	v := visit(t, srv, b, transport, key)
	v.slow = slow
	b.Expect(t, "level=DEBUG", `msg="connection opened"`, "app="+v.app.ID, "socket="+v.id, "transport="+transport,
		"protocol=7", "address=127.0.0.1", `client="js 8.6.0"`)
	tc.do(v)
	line := b.Expect(t, slices.Concat(tc.line, []string{"app=" + v.app.ID, "socket=" + v.id})...)
	for _, key := range []string{" reason=", " lived=", " received=", " sent="} {
		if !strings.Contains(line, key) {
			t.Errorf("no %s in %s", key, line)
		}
	}
	if n := b.Count(`msg="connection closed"`, "socket="+v.id); n != 1 {
		t.Errorf("%d lines", n)
	}
	if got := closedWith(srv, v.app.ID, code); got != before+1 {
		t.Errorf("%d connections are counted with %s, before %d", got, code, before)
	}
	v.leave()
}

func closedWith(srv *testkit.Server, app, code string) uint64 {
	for _, a := range srv.Hub.Stats().Apps {
		if a.ID == app {
			for _, c := range a.Closed {
				if slog.IntValue(c.Code).String() == code {
					return c.Count
				}
			}
		}
	}
	return 0
}

// A connection that the app has no room for was never open.
func TestEveryClose_OverQuota_IsRefused(t *testing.T) {
	o := testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) { a.Limits.MaxConnections = 1 })}}
	everyWay(t, slog.LevelWarn, o, func(t *testing.T, srv *testkit.Server, b *logbook.Book) {
		testkit.Dial(t, srv)
		testkit.Open(t, srv, testkit.Handshake{})
		newXHR(t, srv, "app-key/7/hushquotaa").poll()
		newXHR(t, srv, "app-key/7/hushquotab").stream().rest()
		for transport := range transports {
			b.Expect(t, "level=WARN", `msg="connection refused"`, "app=app-id", "code=4004", "transport="+transport, "address=127.0.0.1")
		}
		testkit.Eventually(t, "each is counted", func() bool { return counted(srv, "app-id", "over_quota") == 3 })
		if got := srv.Hub.Stats().Apps[0]; got.Opened != 1 || len(got.Closed) != 0 {
			t.Errorf("%d opened, closed %v", got.Opened, got.Closed)
		}
		noHush(t, b)
	})
}
