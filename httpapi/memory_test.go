package httpapi_test

import (
	"log/slog"
	"strings"
	"testing"

	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
)

// While memory is short nothing new is let in, over any transport, and each
// hears why. What lives goes on, and when there is room again all is as before.
func TestMemory_ShortOfIt_NothingNewIsLetIn(t *testing.T) {
	everyWay(t, slog.LevelDebug, testkit.Options{}, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		old := testkit.Open(t, srv, testkit.Handshake{})
		old.Established()
		old.Subscribe("news")

		const most = 1 << 20
		srv.Account.SetMost(most)
		srv.Account.Hold(account.Cache, most+1)

		testkit.Open(t, srv, testkit.Handshake{}).ExpectRefusal(4100)
		for _, session := range []string{"app-key/1/streams", "app-key/1/polls"} {
			x := newXHR(t, srv, session)
			var said string
			if strings.HasSuffix(session, "polls") {
				said = strings.Join(x.poll(), "\n")
			} else {
				s := x.stream()
				said = s.line() + s.line()
			}
			if !strings.Contains(said, "4100") || !strings.Contains(said, "short of memory") {
				t.Errorf("%s was told %q, want 4100 and why", session, said)
			}
		}
		old.Send(`{"event":"pusher:subscribe","data":{"channel":"more"}}`)
		old.ExpectError(0)
		if text := old.Next(); !strings.Contains(text, "subscription_error") || !strings.Contains(text, "LimitReached") {
			t.Errorf("the subscription is answered %s", text)
		}
		// A body longer than what a loop reads at once has to be kept.
		long := `{"name":"e","channel":"news","data":"` + strings.Repeat("x", 9000) + `"}` + strings.Repeat(" ", 120<<10)
		refused := srv.Do(t, testkit.Call{Method: "POST", Path: "/apps/app-id/events", Body: long})
		refused.ExpectError(503, "short of memory")
		if refused.Header.Get("Retry-After") == "" {
			t.Errorf("the refused request has no Retry-After")
		}
		if n := counted(srv, "app-id", channels.ReasonMemory); n < 4 {
			t.Errorf("%d refusals are counted, want 4 at least: %v", n, srv.Hub.Stats().Refused)
		}
		srv.Get(t, "/apps/app-id/channels/news").Expect(200, `{"occupied":true}`)

		srv.Account.Release(account.Cache, most+1)
		old.Subscribe("more")
		fresh := testkit.Open(t, srv, testkit.Handshake{})
		fresh.Established()
		srv.Post(t, "/apps/app-id/events", `{"name":"e","channel":"news","data":"d"}`).Expect(200, `{}`)
		old.Expect(`{"event":"e","channel":"news","data":"d"}`)
	})
}
