package httpapi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
)

// idempotent is a call with a key in its header, or in two.
func idempotent(path, body string, keys ...string) testkit.Call {
	return testkit.Call{Method: "POST", Path: path, Body: body, Header: http.Header{"Idempotency-Key": keys}}
}

func keyedEvent(key, data string) string {
	return `{"name":"e","channel":"a","data":"` + data + `","idempotency_key":"` + key + `"}`
}

// Every way to publish, twice: by a header and by a member of the body.
func TestIdempotency_SameKeyAgain_SameAnswerAndNothingDelivered(t *testing.T) {
	everyWay(t, slog.LevelError, uncounted(), func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		c := testkit.Dial(t, srv)
		c.Subscribe("a")
		heard := func(data string) string { return `{"event":"e","channel":"a","data":"` + data + `"}` }
		batch := func(events ...string) string { return `{"batch":[` + strings.Join(events, ",") + `]}` }
		plain := func(data string) string { return `{"name":"e","channel":"a","data":"` + data + `"}` }
		for _, tt := range []struct {
			call   testkit.Call
			status int
			answer string
			hears  []string
		}{
			{idempotent("/events", plain("1"), "k1"), 200, "{}", []string{"1"}},
			{testkit.Call{Path: "/events", Body: keyedEvent("k2", "2")}, 200, "{}", []string{"2"}},
			{testkit.Call{Path: "/events", Body: `{"name":"e","channel":"a","data":"3","info":"subscription_count","idempotency_key":"k3"}`}, 200, `{"channels":{"a":{"subscription_count":1}}}`, []string{"3"}},
			{testkit.Call{Method: "POST", Path: "/events", Query: map[string]string{"name": "e", "channel": "a", "data": "4", "idempotency_key": "k4"}}, 200, "{}", []string{"4"}},
			{idempotent("/batch_events", batch(plain("5"), plain("5")), "k5"), 200, "{}", []string{"5", "5"}},
			{testkit.Call{Path: "/batch_events", Body: batch(keyedEvent("k6", "6"), keyedEvent("k7", "7"))}, 200, "{}", []string{"6", "7"}},
			{testkit.Call{Path: "/batch_events", Body: batch(keyedEvent("k2", "2"), keyedEvent("k8", "8"))}, 200, "{}", []string{"8"}},
			{func() testkit.Call {
				call := idempotent("/channels/a/events", "9", "k9")
				call.Query = map[string]string{"name": "e"}
				return call
			}(), 202, "", []string{"9"}},
		} {
			for range 3 {
				if r := srv.Do(t, tt.call); r.Status != tt.status || tt.answer != "" && r.Body != tt.answer {
					t.Errorf("%+v: %d %s", tt.call, r.Status, r.Body)
				}
			}
			for _, data := range tt.hears {
				c.Expect(heard(data))
			}
		}
		c.Quiet()
		other := func(call testkit.Call) {
			t.Helper()
			srv.Do(t, call).ExpectError(409, "this idempotency key was used with another request")
		}
		other(idempotent("/events", plain("other"), "k1"))
		other(idempotent("/batch_events", batch(plain("1")), "k1"))
		other(idempotent("/events", plain("2"), "k2"))
		other(testkit.Call{Path: "/events", Body: keyedEvent("k1", "1")})
		other(testkit.Call{Path: "/batch_events", Body: batch(keyedEvent("k10", "10"), keyedEvent("k7", "other"))})
		elsewhere := idempotent("/channels/b/events", "9", "k9")
		elsewhere.Query = map[string]string{"name": "e"}
		other(elsewhere)
		c.Quiet()
		if n := counted(srv, "app-id", "idempotency_key_used"); n != 6 {
			t.Errorf("%d refusals are counted", n)
		}
	})
}

// What is refused for another reason leaves its key free.
func TestIdempotency_RefusedCall_ClaimsNothing(t *testing.T) {
	o := uncounted()
	everyWay(t, slog.LevelError, o, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		const good = `{"name":"e","channel":"a","data":"1"}`
		for _, bad := range []testkit.Call{
			idempotent("/events", `{"name":"e","channel":"a"}`, "k"),
			idempotent("/events", `{`, "k"),
			idempotent("/events", `{"name":"e","channel":"a","data":"`+strings.Repeat("x", 10241)+`"}`, "k"),
			idempotent("/batch_events", `{"batch":[`+good+`,{}]}`, "k"),
			idempotent("/events", good, "k", "k"),
			idempotent("/events", good, ""),
			idempotent("/events", good, strings.Repeat("k", 129)),
			idempotent("/events", good, "k\u00e9"),
			idempotent("/events", keyedEvent("k", "1"), "k"),
			idempotent("/batch_events", `{"batch":[`+good+`,`+keyedEvent("k", "1")+`]}`, "l"),
			{Path: "/events", Body: keyedEvent("", "1")},
			{Path: "/events", Body: keyedEvent(strings.Repeat("k", 129), "1")},
		} {
			if r := srv.Do(t, bad); r.Status != 400 && r.Status != 413 {
				t.Errorf("%+v: %d %s", bad, r.Status, r.Body)
			}
		}
		before := srv.Hub.Stats().Published
		srv.Do(t, idempotent("/events", good, "k")).Expect(200, "{}")
		srv.Do(t, idempotent("/events", good, "l")).Expect(200, "{}")
		if n := srv.Hub.Stats().Published - before; n != 2 {
			t.Errorf("%d events of 2", n)
		}
	})
}

func TestIdempotency_Off_KeysAreIgnored(t *testing.T) {
	o := testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) { a.IdempotencyTTL = 0 })}}
	everyWay(t, slog.LevelError, o, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		for i := range 3 {
			srv.Do(t, idempotent("/events", `{"name":"e","channel":"a","data":"`+fmt.Sprint(i)+`"}`, "k")).Expect(200, "{}")
			srv.Post(t, "/events", keyedEvent("k", fmt.Sprint(i))).Expect(200, "{}")
		}
		if n := srv.Hub.Stats().Published; n != 6 {
			t.Errorf("%d events of 6", n)
		}
	})
}

func TestIdempotency_SixteenCallersAtOnce_EachEventOnce(t *testing.T) {
	everyWay(t, slog.LevelError, uncounted(), func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		c := testkit.Dial(t, srv)
		c.Subscribe("a")
		const events = 40
		var callers sync.WaitGroup
		for caller := range 16 {
			callers.Go(func() {
				for i := range events {
					n := (i*7 + caller*3) % events
					key := fmt.Sprint("key-", n)
					call := testkit.Call{Path: "/events", Body: keyedEvent(key, fmt.Sprint(n))}
					if n%2 == 0 {
						call = idempotent("/events", `{"name":"e","channel":"a","data":"`+fmt.Sprint(n)+`"}`, key)
					}
					if r := srv.Do(t, call); r.Status != 200 {
						t.Errorf("event %d: %d %s", n, r.Status, r.Body)
					}
				}
			})
		}
		callers.Wait()
		want := make([]string, events)
		for n := range want {
			want[n] = `{"event":"e","channel":"a","data":"` + fmt.Sprint(n) + `"}`
		}
		c.ExpectAny(want...)
		c.Quiet()
	})
}

// The time of a key counts from the call that used it first.
func TestIdempotency_TimeIsOver_IsDeliveredAgain(t *testing.T) {
	clock := testkit.NewClock(time.Now())
	o := uncounted()
	o.Hub.Now = clock.Now
	srv := testkit.Start(t, o)
	call := idempotent("/events", `{"name":"e","channel":"a","data":"1"}`, "k")
	for _, want := range []uint64{1, 1, 2} {
		srv.Do(t, call).Expect(200, "{}")
		if n := srv.Hub.Stats().Published; n != want {
			t.Errorf("%d events of %d", n, want)
		}
		clock.Advance(time.Minute)
	}
}

// A cluster that cannot remember keys takes none.
func TestIdempotency_ClusterWithoutKeys_400(t *testing.T) {
	inCluster(t, func(t *testing.T, srv *testkit.Server, remote *testkit.Remote) {
		remote.Answer(nil)
		srv.Do(t, idempotent("/events", `{"name":"e","channel":"a","data":"1"}`, "k")).ExpectError(400, "idempotency keys are not remembered here")
		srv.Post(t, "/events", `{"name":"e","channel":"a","data":"1"}`).Expect(200, "{}")
	})
}
