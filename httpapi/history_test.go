package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

// withHistory is a server whose channels h-* and presence-h-* keep five events.
func withHistory(change ...func(*testkit.Options)) testkit.Options {
	o := testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) {
		a.SubscriptionCount = false
		a.History = []apps.HistoryRule{
			{Channels: "h-*", Events: 5, TTL: time.Hour},
			{Channels: "presence-h-*", Events: 5, TTL: time.Hour, ClientEvents: true},
		}
	})}}
	for _, f := range change {
		f(&o)
	}
	return o
}

type historyEvent struct{ Serial, Name, Data, Time, UserID, SocketID string }

type historyPage struct {
	Events []historyEvent
	Serial string
	More   bool
	Lost   *struct{ Reason, Message string }
}

// page asks for a page of a history; query is names and values by turns.
func page(t *testing.T, srv *testkit.Server, channel string, query ...string) (p historyPage) {
	t.Helper()
	r := srv.Get(t, "/channels/"+channel+"/history", query...)
	if err := json.Unmarshal([]byte(r.Body), &p); r.Status != 200 || err != nil || p.Events == nil {
		t.Fatalf("%s %v: %d %s", channel, query, r.Status, r.Body)
	}
	return p
}

func (p historyPage) texts() string {
	var texts []string
	for _, e := range p.Events {
		texts = append(texts, e.Data)
	}
	return strings.Join(texts, " ")
}

func say(t *testing.T, srv *testkit.Server, channel string, texts ...any) {
	t.Helper()
	for _, text := range texts {
		srv.Post(t, "/events", fmt.Sprintf(`{"name":"e","channel":%q,"data":"%v"}`, channel, text)).Expect(200, `{}`)
	}
}

func TestHistory_AsPublished_WithSerialAndTime(t *testing.T) {
	clock := testkit.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC))
	srv := testkit.Start(t, withHistory(func(o *testkit.Options) {
		o.Hub.Now = clock.Now
		o.HTTP = func(c *httpapi.Config) { c.Now = clock.Now }
	}))
	srv.Post(t, "/events", `{"name":"e \"1\"","channel":"h-a","data":{"x":"\u00e9"}}`).Expect(200, `{}`)
	p := page(t, srv, "h-a")
	want := []historyEvent{{Serial: p.Serial, Name: `e "1"`, Data: `{"x":"\u00e9"}`, Time: "2026-01-02T03:04:05.678Z"}}
	if len(p.Events) != 1 || p.Events[0] != want[0] || p.More || p.Lost != nil {
		t.Errorf("got %+v\nwant %+v", p, want)
	}
	if _, ok := pusherproto.ParseSerial(p.Serial); !ok {
		t.Errorf("serial %q", p.Serial)
	}
}

func TestHistory_ClientEvent_HasItsSender(t *testing.T) {
	srv := testkit.Start(t, withHistory())
	c := testkit.Dial(t, srv)
	c.Subscribe("presence-h-a", `{"user_id":"7"}`)
	c.Send(`{"event":"client-e","channel":"presence-h-a","data":{"x":1}}`)
	c.Quiet()
	r := srv.Get(t, "/channels/presence-h-a/history")
	for _, part := range []string{`"name":"client-e","data":"{\"x\":1}"`, `"user_id":"7","socket_id":"` + c.ID + `"}`} {
		if !strings.Contains(r.Body, part) {
			t.Errorf("%s lacks %s", r.Body, part)
		}
	}
	srv.Post(t, "/events", `{"name":"e","channel":"presence-h-a","data":"d","socket_id":"`+c.ID+`"}`).Expect(200, `{}`)
	if r := srv.Get(t, "/channels/presence-h-a/history", "direction", "backward", "limit", "1"); strings.Contains(r.Body, "socket_id") {
		t.Errorf("an event of the API tells whom it excludes: %s", r.Body)
	}
}

func TestHistory_Pages_BothWays(t *testing.T) {
	srv := testkit.Start(t, withHistory())
	say(t, srv, "h-a", 1, 2, 3, 4, 5)
	var got []string
	for p := page(t, srv, "h-a", "limit", "2"); ; p = page(t, srv, "h-a", "limit", "2", "after", p.Serial) {
		got = append(got, p.texts())
		if !p.More {
			break
		}
	}
	for p := page(t, srv, "h-a", "limit", "2", "direction", "backward"); ; p = page(t, srv, "h-a", "limit", "2", "direction", "backward", "before", p.Serial) {
		got = append(got, p.texts())
		if !p.More {
			break
		}
	}
	if want := "1 2|3 4|5|5 4|3 2|1"; strings.Join(got, "|") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	all := page(t, srv, "h-a").Events
	if p := page(t, srv, "h-a", "after", all[0].Serial, "before", all[3].Serial, "direction", "forward"); p.texts() != "2 3" || p.More {
		t.Errorf("between the first and the fourth: %+v", p)
	}
}

// Who asks again and again with the serial of the answer before sees each event once.
func TestHistory_Poll_GoesOnFromTheSerial(t *testing.T) {
	srv := testkit.Start(t, withHistory())
	at := page(t, srv, "h-a").Serial
	for i := range 4 {
		if p := page(t, srv, "h-a", "after", at); len(p.Events) != 0 || p.Lost != nil || p.More {
			t.Errorf("nothing was said, and there is %+v", p)
		}
		say(t, srv, "h-a", i)
		say(t, srv, "h-b", "other")
		p := page(t, srv, "h-a", "after", at)
		if p.texts() != fmt.Sprint(i) || p.Lost != nil {
			t.Errorf("got %+v, want %d", p, i)
		}
		at = p.Serial
	}
}

func TestHistory_NothingKept_IsAnEmptyList(t *testing.T) {
	srv := testkit.Start(t, withHistory())
	say(t, srv, "none", "x")
	srv.Get(t, "/channels/none/history").Expect(200, `{"events":[],"serial":"","more":false}`)
	if p := page(t, srv, "h-never"); len(p.Events) != 0 || p.Serial == "" || p.More {
		t.Errorf("a channel that nobody used: %+v", p)
	}
	srv.Do(t, testkit.Call{Method: "DELETE", Path: "/channels/none/history"}).Expect(200, `{}`)
	srv.Do(t, testkit.Call{Method: "DELETE", Path: "/channels/h-never/history"}).Expect(200, `{}`)
}

func TestHistory_EventsThatAreGone_AreTold(t *testing.T) {
	srv := testkit.Start(t, withHistory())
	say(t, srv, "h-a", 0)
	first := page(t, srv, "h-a").Serial
	say(t, srv, "h-a", 1, 2, 3, 4, 5, 6)
	for name, c := range map[string]struct{ after, want, texts string }{
		"more than are kept": {first, "too_old", "2 3 4 5 6"},
		"another server":     {"1-1", "epoch_changed", "2 3 4 5 6"},
		"another channel":    {page(t, srv, "h-b").Serial, "epoch_changed", "2 3 4 5 6"},
	} {
		if p := page(t, srv, "h-a", "after", c.after); p.Lost == nil || p.Lost.Reason != c.want || p.Lost.Message == "" || p.texts() != c.texts {
			t.Errorf("%s: %+v, %+v; want %s", name, p, p.Lost, c.want)
		}
	}
	at := page(t, srv, "h-a").Serial
	srv.Do(t, testkit.Call{Method: "DELETE", Path: "/channels/h-a/history"}).Expect(200, `{}`)
	if p := page(t, srv, "h-a", "after", at); p.Lost == nil || p.Lost.Reason != "epoch_changed" || len(p.Events) != 0 {
		t.Errorf("emptied: %+v", p)
	}
	say(t, srv, "h-a", 7)
	if p := page(t, srv, "h-a"); p.texts() != "7" || p.Lost != nil {
		t.Errorf("after it was emptied: %+v", p)
	}
}

func TestHistory_BadQuestions(t *testing.T) {
	srv := testkit.Start(t, withHistory())
	const path = "/channels/h-a/history"
	for _, limit := range []string{"0", "1001", "-1", "1.5", "x", "01", "99999999999999999999"} {
		srv.Get(t, path, "limit", limit).ExpectError(400, "limit: ", "from 1 to 1000")
	}
	for _, serial := range []string{"x", "0-1", "1", "1-", "-1", "A-1", "1-1-1", strings.Repeat("z", 100)} {
		srv.Get(t, path, "after", serial).ExpectError(400, "after: ", "is not a serial")
		srv.Get(t, path, "before", serial).ExpectError(400, "before: ")
	}
	srv.Get(t, path, "direction", "up").ExpectError(400, "direction: ", "neither forward nor backward")
	srv.Get(t, "/channels/a%20b/history").ExpectError(400, "channel name")
	srv.Get(t, "/channels/%23server-to-user-7/history").ExpectError(400)
	srv.Do(t, testkit.Call{Method: "DELETE", Path: "/channels/%23server-to-user-7/history"}).ExpectError(400)
	srv.Do(t, testkit.Call{Path: path, Key: "app-key", Secret: "wrong"}).ExpectError(401)
	srv.Do(t, testkit.Call{Method: "DELETE", Path: path, Key: "app-key", Secret: "wrong"}).ExpectError(401)
	srv.Do(t, testkit.Call{Method: "POST", Path: path, Body: "{}"}).ExpectError(405, "GET")
}

func TestPublish_InfoSerial_IsThatOfTheHistory(t *testing.T) {
	srv := testkit.Start(t, withHistory())
	r := srv.Post(t, "/events", `{"name":"e","channels":["h-a","none","h-b"],"data":"d","info":"serial,subscription_count"}`)
	a, b := page(t, srv, "h-a").Events[0].Serial, page(t, srv, "h-b").Events[0].Serial
	r.Expect(200, `{"channels":{"h-a":{"subscription_count":0,"serial":"`+a+`"},"none":{"subscription_count":0},"h-b":{"subscription_count":0,"serial":"`+b+`"}}}`)

	r = srv.Post(t, "/batch_events", `{"batch":[{"name":"e","channel":"h-a","data":"d","info":"serial"},{"name":"e","channel":"none","data":"d","info":"serial"},{"name":"e","channel":"h-a","data":"d"}]}`)
	r.Expect(200, `{"batch":[{"serial":"`+page(t, srv, "h-a").Events[1].Serial+`"},{},{}]}`)

	srv.Get(t, "/channels/h-a", "info", "serial").ExpectError(400, "info: serial is available only when publishing")
	srv.Get(t, "/channels", "info", "serial").ExpectError(400, "info: serial")
}

// A page of long events is cut, and goes on where it ended.
func TestHistory_LongEvents_ComeInSeveralAnswers(t *testing.T) {
	const events, size = 12, 1 << 20
	srv := testkit.Start(t, withHistory(func(o *testkit.Options) {
		o.Apps[0].Limits.MaxEventBytes = size
		o.Apps[0].History[0].Events = events
	}))
	for i := range events {
		say(t, srv, "h-a", string(rune('a'+i))+strings.Repeat("x", size-1))
	}
	var firsts string
	answers := 0
	for after, more := "", true; more; answers++ {
		p := page(t, srv, "h-a", "after", after)
		for _, e := range p.Events {
			firsts += e.Data[:1]
		}
		after, more = p.Serial, p.More
	}
	if firsts != "abcdefghijkl" || answers < 2 || answers > 4 {
		t.Errorf("%d answers with %s", answers, firsts)
	}
}

// Of a cluster that does not answer, a history is as unknown as all else.
func TestHistory_ClusterThatFails_Is503(t *testing.T) {
	inCluster(t, func(t *testing.T, srv *testkit.Server, remote *testkit.Remote) {
		for _, method := range []string{"GET", "DELETE"} {
			remote.Fail(nil)
			if r := srv.Do(t, testkit.Call{Method: method, Path: "/channels/a/history"}); r.Status != 200 {
				t.Errorf("%s: %d %s", method, r.Status, r.Body)
			}
			remote.Fail(channels.ErrAway)
			srv.Do(t, testkit.Call{Method: method, Path: "/channels/a/history"}).ExpectError(503)
		}
	})
}

// What one asks and another says at the same time is asked for once, and in order.
func TestHistory_PollWhileOthersPublish_EachEventOnce(t *testing.T) {
	const events = 200
	srv := testkit.Start(t, withHistory(func(o *testkit.Options) { o.Apps[0].History[0].Events = events }))
	var saying sync.WaitGroup
	for part := range 2 {
		saying.Go(func() {
			for i := range events / 2 {
				say(t, srv, "h-a", fmt.Sprintf("%d-%d", part, i))
			}
		})
	}
	var next [2]int
	end := time.Now().Add(deadline.Long)
	for after := ""; next[0]+next[1] < events; {
		if time.Now().After(end) {
			t.Fatalf("only %v events came", next)
		}
		p := page(t, srv, "h-a", "after", after, "limit", "7")
		if p.Lost != nil {
			t.Fatalf("lost: %+v", p.Lost)
		}
		for _, e := range p.Events {
			var part, i int
			if _, err := fmt.Sscanf(e.Data, "%d-%d", &part, &i); err != nil || i != next[part] {
				t.Fatalf("%s came, with %v to come next", e.Data, next)
			}
			next[part]++
		}
		after = p.Serial
	}
	saying.Wait()
}
