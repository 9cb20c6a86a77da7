package httpapi_test

import (
	"io"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

const callersTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// ear is a tracer that keeps what it is told.
type ear struct {
	mu    sync.Mutex
	calls []httpapi.TracedCall
}

func (e *ear) Call(c *httpapi.TracedCall) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, *c)
}

// next waits for the n-th call, from 1.
func (e *ear) next(t *testing.T, n int) (c httpapi.TracedCall) {
	t.Helper()
	testkit.Eventually(t, "the call is told", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.calls) < n {
			return false
		}
		c = e.calls[n-1]
		return true
	})
	return c
}

// overBothRoads runs a test with a tracer over loops and over net/http.
func overBothRoads(t *testing.T, o testkit.Options, f func(t *testing.T, srv *testkit.Server, told *ear)) {
	for name, portable := range map[string]bool{"loop": false, "net/http": true} {
		t.Run(name, func(t *testing.T) {
			told := &ear{}
			own := o
			own.Leaks, own.Sockets.Portable = true, portable
			own.HTTP = func(c *httpapi.Config) { c.Tracer = told }
			f(t, testkit.Start(t, own), told)
		})
	}
}

func TestTracer_IsToldOfEachCall_OverBothRoads(t *testing.T) {
	const event = `{"name":"e","channels":["a","b"],"data":"payload-secret"}`
	const batch = `{"batch":[{"name":"e","channel":"a","data":"1"},{"name":"e","channel":"a","data":"2"},{"name":"e","channel":"b","data":"3"}]}`
	trace := http.Header{"Traceparent": {callersTrace}, "Tracestate": {"a=b", "c=d"}}
	told := httpapi.TracedCall{Traceparent: callersTrace, Tracestate: "a=b,c=d", Signed: true, Method: "POST", App: "app-id", Status: 200}
	with := func(change func(*httpapi.TracedCall)) httpapi.TracedCall {
		c := told
		change(&c)
		return c
	}
	untraced := func(c *httpapi.TracedCall) { c.Traceparent, c.Tracestate = "", "" }
	cases := []struct {
		name string
		call testkit.Call
		want httpapi.TracedCall
	}{
		{"publish", testkit.Call{Path: "/events", Body: event, Header: trace}, with(func(c *httpapi.TracedCall) {
			c.Route, c.Channels, c.Events = "/apps/:app/events", 2, 1
		})},
		{"batch", testkit.Call{Path: "/batch_events", Body: batch, Header: trace}, with(func(c *httpapi.TracedCall) {
			c.Route, c.Channels, c.Events = "/apps/:app/batch_events", 3, 3
		})},
		{"without a trace", testkit.Call{Path: "/events", Body: event}, with(func(c *httpapi.TracedCall) {
			untraced(c)
			c.Route, c.Channels, c.Events = "/apps/:app/events", 2, 1
		})},
		{"two traces are none", testkit.Call{Path: "/events", Body: event, Header: http.Header{"Traceparent": {callersTrace, callersTrace}}}, with(func(c *httpapi.TracedCall) {
			untraced(c)
			c.Route, c.Channels, c.Events = "/apps/:app/events", 2, 1
		})},
		{"raw event", testkit.Call{Method: "POST", Path: "/channels/a/events", Query: map[string]string{"name": "e"}, Body: `"x"`, Header: trace}, with(func(c *httpapi.TracedCall) {
			c.Route, c.Channels, c.Events, c.Status = "/apps/:app/channels/:channel/events", 1, 1, 202
		})},
		{"question", testkit.Call{Path: "/channels/a", Header: trace}, with(func(c *httpapi.TracedCall) {
			c.Method, c.Route = "GET", "/apps/:app/channels/:channel"
		})},
		{"bad event", testkit.Call{Path: "/events", Body: `{`, Header: trace}, with(func(c *httpapi.TracedCall) {
			c.Route, c.Status = "/apps/:app/events", 400
		})},
		{"refused signature", testkit.Call{Path: "/events", Body: event, Key: "app-key", Secret: "x", Header: trace}, with(func(c *httpapi.TracedCall) {
			c.Signed, c.Route, c.Status = false, "/apps/:app/events", 401
		})},
		{"unknown app", testkit.Call{Path: "/apps/nobody/events", Body: event, Header: trace}, with(func(c *httpapi.TracedCall) {
			c.Signed, c.Route, c.App, c.Status = false, "/apps/:app/events", "", 404
		})},
		{"no route", testkit.Call{Path: "/nothing", Header: trace}, with(func(c *httpapi.TracedCall) {
			c.Signed, c.Method, c.App, c.Status = false, "GET", "", 404
		})},
	}
	overBothRoads(t, testkit.Options{}, func(t *testing.T, srv *testkit.Server, told *ear) {
		n := 0
		for _, of := range cases {
			if r := srv.Do(t, of.call); r.Status != of.want.Status {
				t.Fatalf("%s: %d %s", of.name, r.Status, r.Body)
			}
			n++
			got := told.next(t, n)
			if diff := cmp.Diff(of.want, got, cmpopts.IgnoreFields(httpapi.TracedCall{}, "Begun", "Took")); diff != "" {
				t.Errorf("%s:\n%s", of.name, diff)
			}
			if since := time.Since(got.Begun); since < 0 || got.Took < 0 || got.Took > since {
				t.Errorf("%s: begun %v ago, took %v", of.name, since, got.Took)
			}
		}
		srv.HangUp()
	})
}

// What is no API call is not told of.
func TestTracer_IsNotToldOfTheRest(t *testing.T) {
	overBothRoads(t, testkit.Options{}, func(t *testing.T, srv *testkit.Server, told *ear) {
		testkit.Dial(t, srv)
		for _, path := range []string{"/healthz", "/", "/app/app-key"} {
			r, err := http.Get("http://" + srv.Addr + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Body.Close()
		}
		established(t, srv, "app-key/1/wire").subscribe("c")
		w := newWire(t, srv)
		w.receive("xhr", "")
		_, _ = io.Copy(io.Discard, w.answer().Body)
		_ = w.conn.Close()
		http.DefaultClient.CloseIdleConnections()
		srv.Post(t, "/events", smallEvent)
		if c := told.next(t, 1); c.Route != "/apps/:app/events" {
			t.Errorf("%+v", c)
		}
		srv.HangUp()
	})
}

// In a cluster the publish is a step of its own: until it is accepted.
func TestTracer_InACluster_IsToldWhenItWasAccepted(t *testing.T) {
	var remotes sync.Map // by hub
	o := testkit.Options{Hub: channels.Config{Cluster: func(n channels.Node) channels.Cluster {
		remote := new(testkit.Remote)
		remotes.Store(n, remote)
		return remote.New(n)
	}}}
	overBothRoads(t, o, func(t *testing.T, srv *testkit.Server, told *ear) {
		of, _ := remotes.Load(channels.Node(srv.Hub))
		remote := of.(*testkit.Remote)
		n := 0
		for _, call := range []testkit.Call{
			{Path: "/events", Body: smallEvent, Header: http.Header{"Traceparent": {callersTrace}}},
			{Path: "/batch_events", Body: `{"batch":[` + smallEvent + `]}`, Header: http.Header{"Traceparent": {callersTrace}}},
		} {
			for status, err := range map[int]error{200: nil, 503: channels.ErrDoubt} {
				remote.Answer(err)
				if r := srv.Do(t, call); r.Status != status {
					t.Fatalf("%d %s", r.Status, r.Body)
				}
				n++
				c := told.next(t, n)
				end := c.Begun.Add(c.Took)
				if c.Status != status || !c.Signed || c.Events != 1 || c.Channels != 1 || c.Traceparent != callersTrace ||
					c.Published.Before(c.Begun) || c.Accepted.Before(c.Published) || end.Before(c.Accepted) {
					t.Errorf("%+v", c)
				}
			}
		}
		srv.HangUp()
	})
}

// A proxy's word about the client's connection counts on both roads.
func TestTracer_IsToldOfTLSAtAProxy(t *testing.T) {
	for name, portable := range map[string]bool{"loop": false, "net/http": true} {
		t.Run(name, func(t *testing.T) {
			told := &ear{}
			o := testkit.Options{HTTP: func(c *httpapi.Config) {
				c.Tracer = told
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}}
			o.Sockets.Portable = portable
			srv := testkit.Start(t, o)
			srv.Do(t, testkit.Call{Path: "/events", Body: smallEvent, Header: http.Header{"X-Forwarded-Proto": {"https"}}})
			srv.Do(t, testkit.Call{Path: "/events", Body: smallEvent})
			if a, b := told.next(t, 1), told.next(t, 2); !a.Secure || b.Secure {
				t.Errorf("%+v\n%+v", a, b)
			}
		})
	}
}

// A request that comes when the server ends is told of too.
func TestTracer_IsToldOfARequestThatCameTooLate(t *testing.T) {
	told := &ear{}
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.Tracer = told }})
	door := srv.API.FrontConfig().Door
	for _, path := range []string{"/healthz", "/apps/app-id/events?auth_key=secret"} {
		from := netip.MustParseAddrPort("127.0.0.1:1")
		door.Unavailable(nil, from, &sockets.Request{Method: []byte("POST"), Target: []byte(path), Remote: from})
	}
	want := httpapi.TracedCall{Method: "POST", Status: 503}
	if diff := cmp.Diff(want, told.next(t, 1), cmpopts.IgnoreFields(httpapi.TracedCall{}, "Begun", "Took")); diff != "" {
		t.Error(diff)
	}
}
