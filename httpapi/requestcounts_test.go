package httpapi_test

import (
	"bufio"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
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

// A stream is counted when its response has ended, whoever has written it.
func TestRequests_AStreamIsCountedWhenItEnds(t *testing.T) {
	logged(t, slog.LevelInfo, testkit.Options{}, func(t *testing.T, srv *testkit.Server, _ *logLines) {
		established(t, srv, "app-key/1/wire")
		streams := func() (n uint64) {
			for _, c := range srv.API.Requests().Counts {
				if c.App == "app-id" && c.Route == "/app/:key/:server/:session/xhr_streaming" && c.Status == 200 {
					n += c.Count
				}
			}
			return n
		}
		w := newWire(t, srv)
		w.receive("xhr_streaming", "")
		w.line(bufio.NewReader(w.answer().Body))
		if n := streams(); n != 0 {
			t.Fatalf("%d streams are counted, and the only one has not ended", n)
		}
		_ = w.conn.Close()
		testkit.Eventually(t, "the stream is counted", func() bool { return streams() == 1 })
	})
}
