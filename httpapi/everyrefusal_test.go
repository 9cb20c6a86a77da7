package httpapi_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
	"fanfare/pusherproto"
)

// visitor is a client of any transport that has a session.
type visitor struct {
	t   *testing.T
	srv *testkit.Server
	log *logbook.Book
	app *apps.App
	id  string
	say func(message string)
	// another opens one more session of the same app, over the same transport.
	another func() *visitor
	// leave ends the connection without a word.
	leave func()
	// frame sends a WebSocket frame.
	frame func(f ws.Frame)
	slow  uint64 // slow readers before it came
}

// transports open a session of the app with a key.
var transports = map[string]func(t *testing.T, srv *testkit.Server, key string) *visitor{
	"websocket": func(t *testing.T, srv *testkit.Server, key string) *visitor {
		c := testkit.Open(t, srv, testkit.Handshake{App: key})
		c.Established()
		return &visitor{id: c.ID, say: c.Send, leave: c.Close, frame: c.SendFrame}
	},
	"xhr_streaming": func(t *testing.T, srv *testkit.Server, key string) *visitor {
		x := newXHR(t, srv, key+"/7/"+sessionName())
		s := x.stream()
		x.established([]string{s.line(), s.line()})
		return &visitor{id: x.id, say: func(message string) { x.send(message) }, leave: s.end}
	},
	"xhr_polling": func(t *testing.T, srv *testkit.Server, key string) *visitor {
		x := established(t, srv, key+"/7/"+sessionName())
		return &visitor{id: x.id, say: func(message string) { x.send(message) }, leave: func() {}}
	},
}

// sessionName makes names of HTTP sessions that the log is searched for.
func sessionName() string { return fmt.Sprintf("hushsession%d", sessions.Add(1)) }

var sessions atomic.Int64

func visit(t *testing.T, srv *testkit.Server, b *logbook.Book, transport, key string) *visitor {
	t.Helper()
	v := transports[transport](t, srv, key)
	v.t, v.srv, v.log = t, srv, b
	v.app, _ = srv.Apps.ByKey(key)
	v.another = func() *visitor { return visit(t, srv, b, transport, key) }
	return v
}

func (v *visitor) socket() pusherproto.SocketID {
	id, _ := pusherproto.ParseSocketID(v.id)
	return id
}

// subscribe is a signed subscription; data is channel_data, or "" for none.
func (v *visitor) subscribe(channel, data string) {
	v.subscribeAs(channel, data, v.app.Keys[0].Key+":"+pusherproto.SignChannel(v.app.Keys[0].Secret, v.socket(), channel, data, data != ""))
}

func (v *visitor) subscribeAs(channel, data, auth string) {
	m := `{"event":"pusher:subscribe","data":{"channel":` + quote(channel)
	if auth != "" {
		m += `,"auth":` + quote(auth)
	}
	if data != "" {
		m += `,"channel_data":` + quote(data)
	}
	v.say(m + "}}")
}

func (v *visitor) signIn(userData string) {
	v.signInAs(userData, v.app.Keys[0].Key+":"+pusherproto.SignUser(v.app.Keys[0].Secret, v.socket(), userData))
}

func (v *visitor) signInAs(userData, auth string) {
	v.say(`{"event":"pusher:signin","data":{"auth":` + quote(auth) + `,"user_data":` + quote(userData) + `}}`)
}

func (v *visitor) trigger(event, channel, data string) {
	m := `{"event":` + quote(event)
	if channel != "" {
		m += `,"channel":` + quote(channel)
	}
	if data != "" {
		m += `,"data":` + data
	}
	v.say(m + "}")
}

func quote(s string) string { return string(pusherproto.AppendString(nil, s)) }

// hush is in everything that no line may hold: secrets, signatures, payloads.
const hush = "hush"

// refusalCase is one thing that a session refuses.
type refusalCase struct {
	name string
	app  string // key; "" is the usual one
	do   func(v *visitor)
	// line is what the log says of it, beside app and socket.
	line   []string
	reason channels.Reason
}

func refused(message string, parts ...string) []string {
	return append([]string{"level=DEBUG", `msg="` + message + `"`}, parts...)
}

// sessionRefusals are all that a session refuses, whatever carries it.
var sessionRefusals = []refusalCase{
	{"no JSON", "", func(v *visitor) { v.say(`{"hush`) }, refused("message refused", "code=0"), channels.ReasonMessage},
	{"no event", "", func(v *visitor) { v.say(`{"data":"hush"}`) }, refused("message refused", "code=0"), channels.ReasonMessage},
	{"unknown event", "", func(v *visitor) { v.say(`{"event":"pusher:other","data":"hush"}`) }, refused("message refused", "code=0"), channels.ReasonMessage},
	{"event without a channel", "", func(v *visitor) { v.trigger("other", "", `"hush"`) }, refused("message refused", "code=0"), channels.ReasonMessage},
	{"subscription to nothing", "", func(v *visitor) { v.say(`{"event":"pusher:subscribe","data":{"auth":"hush"}}`) }, refused("message refused", "code=0"), channels.ReasonMessage},
	{"unsubscription from nothing", "", func(v *visitor) { v.say(`{"event":"pusher:unsubscribe","data":{}}`) }, refused("message refused", "code=0"), channels.ReasonMessage},

	{"a large message", "", func(v *visitor) { v.trigger("client-e", "private-x", quote(strings.Repeat(hush, 20_000))) }, refused("message refused", "code=0"), channels.ReasonMessageTooLarge},
	{"a large subscription", "", func(v *visitor) {
		v.subscribe("presence-x", `{"user_id":"1","user_info":"`+strings.Repeat(hush, 20_000)+`"}`)
	}, refused("subscription refused", "channel=presence-x", "status=413"), channels.ReasonMessageTooLarge},

	{"channel name", "", func(v *visitor) { v.subscribe("no good", "") }, refused("subscription refused", `channel="no good"`, "status=400"), channels.ReasonChannelName},
	{"long channel name", "", func(v *visitor) { v.subscribe(strings.Repeat("c", 201), "") }, refused("subscription refused", "status=400"), channels.ReasonChannelName},
	{"another user's channel", "", func(v *visitor) { v.subscribe("#server-to-user-7", "") }, refused("subscription refused", "channel=#server-to-user-7", "status=403"), channels.ReasonSubscriptionAuth},
	{"no auth", "", func(v *visitor) { v.subscribeAs("private-x", "", "") }, refused("subscription refused", "channel=private-x", "status=401"), channels.ReasonSubscriptionAuth},
	{"auth of no form", "", func(v *visitor) { v.subscribeAs("private-x", "", "hush") }, refused("subscription refused", "channel=private-x", "status=401"), channels.ReasonSubscriptionAuth},
	{"auth of no key", "", func(v *visitor) { v.subscribeAs("private-x", "", "nobody:hush") }, refused("subscription refused", "channel=private-x", "status=401"), channels.ReasonSubscriptionAuth},
	{"wrong signature", "", func(v *visitor) { v.subscribeAs("private-x", "", "app-key:hush") }, refused("subscription refused", "channel=private-x", "status=401"), channels.ReasonSubscriptionAuth},
	{"wrong signature, encrypted", "", func(v *visitor) { v.subscribeAs("private-encrypted-x", "", "app-key:hush") }, refused("subscription refused", "channel=private-encrypted-x", "status=401"), channels.ReasonSubscriptionAuth},
	{"channel_data that is no string", "", func(v *visitor) {
		v.say(`{"event":"pusher:subscribe","data":{"channel":"presence-x","auth":"app-key:hush","channel_data":{"user_id":"hush"}}}`)
	}, refused("subscription refused", "channel=presence-x", "status=400"), channels.ReasonSubscriptionAuth},
	{"no channel_data", "", func(v *visitor) { v.subscribe("presence-x", "") }, refused("subscription refused", "channel=presence-x", "status=400"), channels.ReasonSubscriptionAuth},
	{"channel_data that is no JSON", "", func(v *visitor) { v.subscribe("presence-x", `{"hush`) }, refused("subscription refused", "channel=presence-x", "status=400"), channels.ReasonSubscriptionAuth},
	{"channel_data without user_id", "", func(v *visitor) { v.subscribe("presence-x", `{"user_info":"hush"}`) }, refused("subscription refused", "channel=presence-x", "status=400"), channels.ReasonSubscriptionAuth},
	{"long user_id", "", func(v *visitor) { v.subscribe("presence-x", `{"user_id":"`+strings.Repeat(hush, 33)+`"}`) }, refused("subscription refused", "channel=presence-x", "status=400"), channels.ReasonSubscriptionAuth},
	{"large user_info", "", func(v *visitor) {
		v.subscribe("presence-x", `{"user_id":"1","user_info":"`+strings.Repeat(hush, 600)+`"}`)
	}, refused("subscription refused", "channel=presence-x", "status=413"), channels.ReasonMemberTooLarge},
	{"large user_info of the user", "", func(v *visitor) {
		v.signIn(`{"id":"7","user_info":{"a":"` + strings.Repeat(hush, 600) + `"}}`)
		v.subscribe("presence-x", "")
	}, refused("subscription refused", "channel=presence-x", "status=413"), channels.ReasonMemberTooLarge},
	{"another user_id", "", func(v *visitor) {
		v.subscribe("presence-x", `{"user_id":"1"}`)
		v.subscribe("presence-x", `{"user_id":"2"}`)
	}, refused("subscription refused", "channel=presence-x", "status=401"), channels.ReasonSubscriptionAuth},
	{
		"too many subscriptions", "small", func(v *visitor) { v.subscribe("a", ""); v.subscribe("b", "") },
		[]string{"level=WARN", `msg="subscription refused"`, "channel=b", "status=4004"},
		channels.ReasonSubscriptionLimit,
	},
	{"subscriptions too often", "small", func(v *visitor) {
		for range 3 {
			v.subscribe("a", "")
			v.say(`{"event":"pusher:unsubscribe","data":{"channel":"a"}}`)
		}
	}, refused("subscription refused", "channel=a", "status=429"), channels.ReasonSubscriptionRate},
	{"a channel over the app's limit", "full", func(v *visitor) {
		v.subscribe("a", "")
		v.subscribe("b", "")
	}, []string{"level=WARN", `msg="subscription refused"`, "channel=b", "status=4004"}, channels.ReasonAppLimit},
	{"a watchlist over the app's limit", "one-place", func(v *visitor) {
		v.signIn(`{"id":"7"}`)
		v.log.Expect(v.t, `msg="signed in"`, "socket="+v.id)
		v.signIn(`{"id":"7","watchlist":["hush"]}`)
	}, refused("watchlist refused", "code=4302"), channels.ReasonAppLimit},
	{"a full presence channel", "small", func(v *visitor) {
		first := v.another()
		first.subscribe("presence-x", `{"user_id":"1"}`)
		v.log.Expect(v.t, "msg=subscribed", "socket="+first.id)
		v.subscribe("presence-x", `{"user_id":"2"}`)
	}, []string{"level=WARN", `msg="subscription refused"`, "channel=presence-x", "status=4004"}, channels.ReasonPresenceFull},

	{"client events are off", "quiet", func(v *visitor) { v.trigger("client-e", "private-x", `"hush"`) }, refused("client event refused", "channel=private-x", "code=0"), channels.ReasonClientEvents},
	{"client event without a channel", "", func(v *visitor) { v.trigger("client-e", "", `"hush"`) }, refused("client event refused", "code=0"), channels.ReasonClientEvent},
	{"event without the prefix", "", func(v *visitor) { v.trigger("e", "private-x", `"hush"`) }, refused("client event refused", "channel=private-x", "code=0"), channels.ReasonClientEvent},
	{"nothing behind the prefix", "", func(v *visitor) { v.trigger("client-", "private-x", `"hush"`) }, refused("client event refused", "channel=private-x", "code=0"), channels.ReasonClientEvent},
	{"long event name", "", func(v *visitor) { v.trigger("client-"+strings.Repeat("e", 200), "private-x", `"hush"`) }, refused("client event refused", "channel=private-x", "code=0"), channels.ReasonClientEvent},
	{"control character", "", func(v *visitor) { v.trigger("client-\n", "private-x", `"hush"`) }, refused("client event refused", "channel=private-x", "code=0"), channels.ReasonClientEvent},
	{"encrypted channel", "", func(v *visitor) { v.trigger("client-e", "private-encrypted-x", `"hush"`) }, refused("client event refused", "channel=private-encrypted-x", "code=0"), channels.ReasonClientEvent},
	{"public channel", "", func(v *visitor) { v.trigger("client-e", "x", `"hush"`) }, refused("client event refused", "channel=x", "code=0"), channels.ReasonClientEvent},
	{"no data", "", func(v *visitor) { v.trigger("client-e", "private-x", "") }, refused("client event refused", "channel=private-x", "code=0"), channels.ReasonClientEvent},
	{"not subscribed", "", func(v *visitor) { v.trigger("client-e", "private-x", `"hush"`) }, refused("client event refused", "channel=private-x", "code=0"), channels.ReasonClientEvent},
	{"large event", "small", func(v *visitor) {
		v.subscribe("private-x", "")
		v.trigger("client-e", "private-x", `"`+strings.Repeat(hush, 30)+`"`)
	}, refused("client event refused", "channel=private-x", "code=0"), channels.ReasonClientEventTooLarge},
	{"events too often", "small", func(v *visitor) {
		v.subscribe("private-x", "")
		v.trigger("client-e", "private-x", `"hush"`)
		v.trigger("client-e", "private-x", `"hush"`)
	}, refused("client event refused", "channel=private-x", "code=4301"), channels.ReasonClientEventRate},

	{"sign-in without auth", "", func(v *visitor) { v.say(`{"event":"pusher:signin","data":{"user_data":"hush"}}`) }, refused("sign-in refused", "code=4009"), channels.ReasonSignin},
	{"sign-in with auth of no form", "", func(v *visitor) { v.signInAs(`{"id":"hush"}`, hush) }, refused("sign-in refused", "code=4009"), channels.ReasonSignin},
	{"sign-in with a wrong signature", "", func(v *visitor) { v.signInAs(`{"id":"hush"}`, "app-key:hush") }, refused("sign-in refused", "code=4009"), channels.ReasonSignin},
	{"sign-in without an id", "", func(v *visitor) { v.signIn(`{"name":"hush"}`) }, refused("sign-in refused", "code=4009"), channels.ReasonSignin},
	{"sign-in with a bad id", "", func(v *visitor) { v.signIn(`{"id":"not good"}`) }, refused("sign-in refused", "code=4009"), channels.ReasonSignin},
	{"signing in too often", "small", func(v *visitor) {
		for range 4 {
			v.signIn(`{"id":"7"}`)
		}
	}, refused("sign-in refused", "code=0"), channels.ReasonSigninRate},
	{"sign-in as another", "", func(v *visitor) { v.signIn(`{"id":"7"}`); v.signIn(`{"id":"8"}`) }, refused("sign-in refused", "code=4009"), channels.ReasonSignin},
}

// refusingApps have limits that a test reaches.
func refusingApps() []apps.App {
	named := func(id string, change func(*apps.App)) apps.App {
		return testkit.App(func(a *apps.App) {
			a.ID, a.Keys = id, []apps.Key{{Key: id, Secret: "hush-secret"}}
			change(a)
		})
	}
	return []apps.App{
		testkit.App(func(a *apps.App) { a.Keys[0].Secret = "hush-secret" }),
		named("small", func(a *apps.App) {
			a.Limits.MaxSubscriptions, a.Limits.SubscribesPerSecond, a.Limits.MaxPresenceMembers = 1, 1, 1
			a.Limits.MaxEventBytes, a.Limits.ClientEventsPerSecond = 100, 1
		}),
		named("full", func(a *apps.App) { a.Limits.MaxChannels = 1 }),
		named("one-place", func(a *apps.App) { a.Limits.MaxAppSubscriptions = 1 }),
		named("quiet", func(a *apps.App) { a.ClientEvents = false }),
	}
}

// everyWay runs a test with a server that answers on event loops, and one that
// does on goroutines alone. Its clock stands still.
func everyWay(t *testing.T, level slog.Level, o testkit.Options, test func(t *testing.T, srv *testkit.Server, b *logbook.Book)) {
	t.Helper()
	clock := testkit.NewClock(time.Now())
	change := o.HTTP
	for way, portable := range map[string]bool{"loops": false, "goroutines": true} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			b := logbook.New(level)
			o := o
			o.Hub.Now, o.Hub.Logger = clock.Now, b.Logger
			o.Sockets.Portable, o.Sockets.Logger = portable, b.Logger
			o.HTTP = func(c *httpapi.Config) {
				c.Logger = b.Logger
				if change != nil {
					change(c)
				}
			}
			test(t, testkit.Start(t, o), b)
		})
	}
}

// Whatever a session refuses has its line and its count, over every transport,
// and the line holds nothing of what users send.
func TestEveryRefusal_OfASession_HasItsLine(t *testing.T) {
	everyWay(t, slog.LevelDebug, testkit.Options{Apps: refusingApps()}, func(t *testing.T, srv *testkit.Server, b *logbook.Book) {
		for transport := range transports {
			for _, tc := range sessionRefusals {
				key := tc.app
				if key == "" {
					key = "app-key"
				}
				v := visit(t, srv, b, transport, key)
				before := counted(srv, v.app.ID, tc.reason)
				tc.do(v)
				line := b.Expect(t, slices.Concat(tc.line, []string{"app=" + v.app.ID, "socket=" + v.id})...)
				if !strings.Contains(line, ` reason="`) {
					t.Errorf("%s over %s: no reason in %s", tc.name, transport, line)
				}
				testkit.Eventually(t, tc.name+" is counted", func() bool { return counted(srv, v.app.ID, tc.reason) == before+1 })
				if n := b.Count(line); n != 1 {
					t.Errorf("%s over %s: %d times %s", tc.name, transport, n, line)
				}
				v.leave()
			}
		}
		noHush(t, b)
	})
}

// counted is how often a reason was counted for an app.
func counted(srv *testkit.Server, app string, reason channels.Reason) (n uint64) {
	for _, r := range srv.Hub.Stats().Refused {
		if r.App == app && r.Reason == reason {
			n += r.Count
		}
	}
	return n
}

func noHush(t *testing.T, b *logbook.Book) {
	t.Helper()
	for _, line := range b.Lines() {
		if strings.Contains(line, hush) || strings.Contains(line, "signature=") {
			t.Errorf("a line holds a secret or what a user sent: %s", line)
		}
	}
}

// The part of a watchlist that is too long is refused, the sign-in is not.
func TestEveryRefusal_LongWatchlist(t *testing.T) {
	o := testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) { a.Watchlist = true })}}
	var watched string
	for i := range 101 {
		watched += fmt.Sprintf(`,"hush%d"`, i)
	}
	everyWay(t, slog.LevelDebug, o, func(t *testing.T, srv *testkit.Server, b *logbook.Book) {
		for transport := range transports {
			v := visit(t, srv, b, transport, "app-key")
			before := counted(srv, "app-id", "watchlist_too_long")
			v.signIn(`{"id":"7","watchlist":[` + watched[1:] + `]}`)
			b.Expect(t, "level=DEBUG", `msg="watchlist too long"`, "app=app-id", "socket="+v.id, "code=4302")
			testkit.Eventually(t, "it is counted", func() bool { return counted(srv, "app-id", "watchlist_too_long") == before+1 })
			v.leave()
		}
		noHush(t, b)
	})
}
