package httpapi_test

import (
	"bufio"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
)

// Requests are counted alike, whichever way they take.
func TestRequests_CountedOnBothWays(t *testing.T) {
	logged(t, slog.LevelInfo, testkit.Options{}, func(t *testing.T, srv *testkit.Server, _ *logLines) {
		for range 3 {
			srv.Post(t, "/events", event).Expect(200, `{}`)
		}
		srv.Post(t, "/batch_events", `{"batch":[`+event+`]}`).Expect(200, `{}`)
		srv.Post(t, "/events", "{").ExpectError(400)
		srv.Do(t, testkit.Call{Path: "/apps/nobody/events", Body: event}).ExpectError(404)
		srv.Do(t, testkit.Call{Path: "/nothing"}).ExpectError(404)
		srv.Do(t, testkit.Call{Method: "PUT", Path: "/events"}).ExpectError(405)
		testkit.Dial(t, srv)
		testkit.Open(t, srv, testkit.Handshake{App: "nobody"}).ExpectRefusal(4001)
		testkit.Open(t, srv, testkit.Handshake{Path: "/ws"}).ExpectRefusal(4005)
		established(t, srv, "app-key/7/counted0").send()
		type key struct {
			app, route string
			status     int
		}
		want := map[key]uint64{
			{"app-id", "/apps/:app/events", 200}:                   3,
			{"app-id", "/apps/:app/batch_events", 200}:             1,
			{"app-id", "/apps/:app/events", 400}:                   1,
			{"", "/apps/:app/events", 404}:                         1,
			{"", "", 404}:                                          1,
			{"", "", 405}:                                          1,
			{"app-id", "/app/:key", 101}:                           1,
			{"", "/app/:key", 101}:                                 1,
			{"", "", 101}:                                          1,
			{"app-id", "/app/:key/:server/:session/xhr", 200}:      1,
			{"app-id", "/app/:key/:server/:session/xhr_send", 204}: 1,
		}
		var got map[key]uint64
		testkit.Eventually(t, "all are counted", func() bool {
			got = map[key]uint64{}
			n := uint64(0)
			for _, c := range srv.API.Requests().Counts {
				got[key{c.App, c.Route, c.Status}] = c.Count
				n += c.Count
			}
			return n >= 13
		})
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(key{})); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		latencies := map[string]uint64{}
		for _, l := range srv.API.Requests().Latencies {
			latencies[l.Route] = l.Count
			if l.Sum <= 0 || l.Buckets[10*time.Second] != l.Count {
				t.Errorf("%s: %v in all, %d of %d in ten seconds", l.Route, l.Sum, l.Buckets[10*time.Second], l.Count)
			}
		}
		if diff := cmp.Diff(map[string]uint64{
			"/apps/:app/events": 5, "/apps/:app/batch_events": 1, "": 3, "/app/:key": 2, "/app/:key/:server/:session/xhr_send": 1,
		}, latencies); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// An app that is gone has no counts, and another's are its own.
func TestRequests_OfAppsThereAre(t *testing.T) {
	other := testkit.App(func(a *apps.App) { a.ID, a.Keys = "other", []apps.Key{{Key: "other", Secret: "s"}} })
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{testkit.App(), other}})
	srv.Post(t, "/events", event).Expect(200, `{}`)
	srv.Do(t, testkit.Call{Path: "/apps/other/events", Body: event, Key: "other", Secret: "s"}).Expect(200, `{}`)
	counts := func() map[string]uint64 {
		of := map[string]uint64{}
		for _, c := range srv.API.Requests().Counts {
			of[c.App] += c.Count
		}
		return of
	}
	if diff := cmp.Diff(map[string]uint64{"app-id": 1, "other": 1}, counts()); diff != "" {
		t.Error(diff)
	}
	if err := srv.Apps.Replace([]apps.App{testkit.App()}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]uint64{"app-id": 1}, counts()); diff != "" {
		t.Error(diff)
	}
}

// A stream or a poll is counted and logged when its response has ended, whoever has
// written it.
func TestRequests_AStreamIsCountedWhenItEnds(t *testing.T) {
	for _, action := range []string{"xhr_streaming", "xhr"} {
		t.Run(action, func(t *testing.T) {
			logged(t, slog.LevelDebug, testkit.Options{}, func(t *testing.T, srv *testkit.Server, log *logLines) {
				established(t, srv, "app-key/1/wire").joined("c")
				counted := func() (n uint64) {
					for _, c := range srv.API.Requests().Counts {
						if c.App == "app-id" && c.Route == "/app/:key/:server/:session/"+action && c.Status == 200 {
							n += c.Count
						}
					}
					return n
				}
				var before uint64
				if action == "xhr" {
					before = 2 // of established and joined
				}
				testkit.Eventually(t, "those are counted", func() bool { return counted() == before })
				w := newWire(t, srv)
				w.receive(action, "X-Forwarded-For: 192.0.2.7\r\n")
				testkit.Eventually(t, "the request waits", func() bool { return srv.Account.Count(account.Receives) == 1 })
				if n := counted(); n != before {
					t.Fatalf("%d are counted, and one has not ended", n)
				}
				if action == "xhr" {
					publish(t, srv, "c", "1")
					_, _ = io.Copy(io.Discard, w.answer().Body)
				} else {
					w.line(bufio.NewReader(w.answer().Body))
					_ = w.conn.Close()
				}
				testkit.Eventually(t, "the request is counted", func() bool { return counted() == before+1 })
				testkit.Eventually(t, "and logged", func() bool {
					for _, l := range log.with("request") {
						if l["request"] == "fixed" {
							return l["path"] == "/pusher/app/app-key/…/"+action && l["method"] == "POST" && l["status"] == 200.0 &&
								l["bytes"].(float64) > 30 && l["app"] == "app-id" && l["address"] == "127.0.0.1"
						}
					}
					return false
				})
			})
		})
	}
}
