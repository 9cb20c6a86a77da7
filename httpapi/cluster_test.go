package httpapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"fanfare/channels"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
)

// inCluster runs a test against a node of a cluster, over every way that a
// request can take.
func inCluster(t *testing.T, f func(t *testing.T, srv *testkit.Server, remote *testkit.Remote)) {
	var remotes sync.Map // by hub
	o := testkit.Options{Hub: channels.Config{Cluster: func(n channels.Node) channels.Cluster {
		remote := new(testkit.Remote)
		remotes.Store(n, remote)
		return remote.New(n)
	}}}
	everyWay(t, slog.LevelError, o, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		remote, _ := remotes.Load(channels.Node(srv.Hub))
		f(t, srv, remote.(*testkit.Remote))
	})
}

// A publish that the cluster did not take says whether it may be repeated
// without harm.
func TestCluster_PublishThatFails_SaysWhatBecameOfIt(t *testing.T) {
	inCluster(t, func(t *testing.T, srv *testkit.Server, remote *testkit.Remote) {
		for _, call := range []testkit.Call{
			{Path: "/events", Body: `{"name":"e","channels":["a","b"],"data":"1"}`},
			{Path: "/batch_events", Body: `{"batch":[` + smallEvent + `,` + smallEvent + `]}`},
		} {
			remote.Answer(nil)
			srv.Do(t, call).Expect(200, "{}")
			for _, failure := range []struct {
				err    error
				words  string
				reason channels.Reason
			}{
				{channels.ErrAway, "nothing was delivered", channels.ReasonClusterAway},
				{channels.ErrFull, "the cluster is out of memory; nothing was delivered", channels.ReasonClusterFull},
				{channels.ErrDoubt, "may have been delivered", channels.ReasonClusterDoubt},
			} {
				before := counted(srv, "app-id", failure.reason)
				remote.Answer(failure.err)
				r := srv.Do(t, call).ExpectError(503, failure.words)
				if r.Header.Get("Retry-After") != "1" || r.Close {
					t.Errorf("%s: %v", call.Path, r.Header)
				}
				if n := counted(srv, "app-id", failure.reason); n != before+1 {
					t.Errorf("%s: %s is counted %d times, before %d", call.Path, failure.reason, n, before)
				}
			}
		}
	})
}

// Whatever is the matter with the cluster, a question gets an answer that says
// no more than that.
func TestCluster_QuestionThatFails_Is503(t *testing.T) {
	inCluster(t, func(t *testing.T, srv *testkit.Server, remote *testkit.Remote) {
		calls := []testkit.Call{
			{Path: "/channels"},
			{Path: "/channels/a"},
			{Path: "/channels/presence-a/users"},
			{Method: "POST", Path: "/users/7/terminate_connections"},
		}
		for _, call := range calls {
			if r := srv.Do(t, call); r.Status != 200 {
				t.Errorf("%s: %d %s", call.Path, r.Status, r.Body)
			}
		}
		for _, failure := range []error{testkit.ErrRemote, channels.ErrAway, channels.ErrDoubt} {
			remote.Fail(failure)
			for _, call := range calls {
				before := counted(srv, "app-id", channels.ReasonClusterAway)
				r := srv.Do(t, call).ExpectError(503, "the cluster did not answer")
				if r.Header.Get("Retry-After") != "1" || strings.Contains(r.Body, "6379") || strings.Contains(r.Body, "delivered") {
					t.Errorf("%s, %v: %v %s", call.Path, failure, r.Header, r.Body)
				}
				if n := counted(srv, "app-id", channels.ReasonClusterAway); n != before+1 {
					t.Errorf("%s is counted %d times, before %d", call.Path, n, before)
				}
			}
		}
		// The event is out: its counts are missing.
		srv.Post(t, "/events", `{"name":"e","channels":["a"],"data":"1","info":"subscription_count"}`).Expect(200, `{"channels":{"a":{}}}`)
	})
}

// Who waits for the cluster when the server is about to end gets an answer.
func TestCluster_ServerEnds_WhoWaitsIsInDoubt(t *testing.T) {
	inCluster(t, func(t *testing.T, srv *testkit.Server, remote *testkit.Remote) {
		remote.Hold()
		c := testkit.Connect(t, srv)
		c.Write(srv.Text(testkit.Call{Path: "/events", Body: smallEvent}))
		testkit.Eventually(t, "it waits", func() bool { return remote.Held() == 1 })
		srv.API.Conclude()
		ended, end := context.WithCancel(t.Context())
		end()
		if err := srv.Sockets.Conclude(ended); err != nil {
			t.Error(err)
		}
		c.Response("POST").ExpectError(503, "may have been delivered")
		remote.Release(nil)
	})
}

// While the cluster has not accepted an event its caller waits, and nobody else.
// The answer has the request's id, ends the connection if the caller wants that,
// and is logged.
func TestCluster_PublishWaits_UntilItIsAccepted(t *testing.T) {
	inCluster(t, func(t *testing.T, srv *testkit.Server, remote *testkit.Remote) {
		text := func(header ...string) string {
			h := http.Header{}
			for i := 0; i < len(header); i += 2 {
				h.Set(header[i], header[i+1])
			}
			return srv.Text(testkit.Call{Path: "/events", Body: smallEvent, Header: h})
		}
		subscriber := testkit.Open(t, srv, testkit.Handshake{App: "app-key"})
		subscriber.Established()
		subscriber.Send(`{"event":"pusher:subscribe","data":{"channel":"c"}}`)
		subscriber.Expect(`{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}`)
		remote.Hold()
		c := testkit.Connect(t, srv)
		c.Write(text("X-Request-Id", "first") + text("X-Request-Id", "second", "Connection", "close"))
		for _, id := range []string{"first", "second"} {
			testkit.Eventually(t, id+" waits", func() bool { return remote.Held() == 1 })
			srv.Do(t, testkit.Call{Path: "/channels"}).Expect(200, `{"channels":{}}`)
			remote.Release(nil)
			subscriber.Expect(`{"event":"e","channel":"c","data":"hush"}`)
			r := c.Response("POST").Expect(200, "{}")
			if r.Header.Get("X-Request-Id") != id || r.Close != (id == "second") {
				t.Errorf("%s: %v, the connection ends: %v", id, r.Header, r.Close)
			}
		}
		if rest := c.Rest(); rest != "" {
			t.Errorf("behind the last answer: %q", rest)
		}
		testkit.Eventually(t, "both are counted", func() bool { return srv.Hub.Stats().Published == 2 })

		left := testkit.Connect(t, srv)
		left.Write(text())
		testkit.Eventually(t, "it waits", func() bool { return remote.Held() == 1 })
		left.Close()
		remote.Release(channels.ErrAway)
	})
}
