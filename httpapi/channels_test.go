package httpapi_test

import (
	"testing"
	"time"

	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
)

// See docs/spec/edge-cases-http.md, cases 68, 155, 159; docs/spec/http-api.md#info.
func TestChannels_List(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	srv.Get(t, "/channels").Expect(200, `{"channels":{}}`)

	c := testkit.Dial(t, srv)
	c.SignIn(`{"id":"7"}`)
	c.Subscribe("presence-p", `{"user_id":"7"}`)
	srv.Get(t, "/channels", "info", "user_count").
		ExpectError(400, "user_count may only be requested for presence channels - please supply filter_by_prefix begining with presence-")
	c.Subscribe("b")
	srv.Get(t, "/channels").Expect(200, `{"channels":{"b":{},"presence-p":{}}}`)
	srv.Get(t, "/channels", "info", "subscription_count").
		Expect(200, `{"channels":{"b":{"subscription_count":1},"presence-p":{"subscription_count":1}}}`)
	srv.Get(t, "/channels", "filter_by_prefix", "presence-", "info", "user_count").
		Expect(200, `{"channels":{"presence-p":{"user_count":1}}}`)
	srv.Get(t, "/channels", "filter_by_prefix", "presence-q").Expect(200, `{"channels":{}}`)

	srv.Get(t, "/channels", "filter_by_prefix", "presence", "info", "user_count").ExpectError(400, "user_count")
	srv.Get(t, "/channels", "info", "cache").ExpectError(400, "cache")
	srv.Get(t, "/channels", "info", "bogus").ExpectError(400, "info should be a comma separated list of attributes", "bogus")
}

// See docs/spec/edge-cases-http.md, cases 68, 160, 162.
func TestChannels_One(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	testkit.Dial(t, srv).Subscribe("presence-a@b", `{"user_id":"1"}`)
	testkit.Dial(t, srv).Subscribe("presence-a@b", `{"user_id":"1"}`)
	for _, path := range []string{"/channels/presence-a%40b", "/channels/presence-a@b"} {
		srv.Get(t, path).Expect(200, `{"occupied":true}`)
		srv.Get(t, path, "info", "subscription_count,user_count").
			Expect(200, `{"occupied":true,"user_count":1,"subscription_count":2}`)
	}
	srv.Get(t, "/channels/never").Expect(200, `{"occupied":false}`)
	srv.Get(t, "/channels/never", "info", "subscription_count").Expect(200, `{"occupied":false,"subscription_count":0}`)
	srv.Get(t, "/channels/presence-never", "info", "user_count").Expect(200, `{"occupied":false,"user_count":0}`)
	srv.Get(t, "/channels/never", "info", "user_count").
		ExpectError(400, "Cannot retrieve the user count unless the channel is a presence channel")
	srv.Get(t, "/channels/never", "info", "cache").ExpectError(400, "cache")
	srv.Get(t, "/channels/a%20b").ExpectError(400, "channel name")
	srv.Get(t, "/channels/%23server-to-user-7").ExpectError(400)
	srv.Get(t, "/channels/%ff").ExpectError(400)
}

// See docs/spec/edge-cases-http.md, case 146.
func TestChannels_Cache(t *testing.T) {
	clock := testkit.NewClock(time.Unix(1_700_000_000, 0))
	srv := testkit.Start(t, testkit.Options{
		Hub:  channels.Config{Now: clock.Now},
		HTTP: func(c *httpapi.Config) { c.Now = clock.Now },
	})
	srv.Get(t, "/channels/cache-a", "info", "cache").Expect(200, `{"occupied":false,"cache":null}`)
	srv.Post(t, "/events", `{"name":"e","channel":"cache-a","data":"{\"x\": \"\\u00e9\"}"}`).Expect(200, `{}`)
	srv.Get(t, "/channels/cache-a", "info", "cache").
		Expect(200, `{"occupied":false,"cache":{"data":"{\"x\": \"\\u00e9\"}","ttl":1800}}`)
	clock.Advance(30*time.Minute - 500*time.Millisecond)
	srv.Get(t, "/channels/cache-a", "info", "cache,subscription_count").
		Expect(200, `{"occupied":false,"subscription_count":0,"cache":{"data":"{\"x\": \"\\u00e9\"}","ttl":1}}`)
	clock.Advance(time.Second)
	srv.Get(t, "/channels/cache-a", "info", "cache").Expect(200, `{"occupied":false,"cache":null}`)
}

// See docs/spec/edge-cases-http.md, cases 156, 160.
func TestUsers_List(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	for _, user := range []string{`{"user_id":"b"}`, `{"user_id":10}`, `{"user_id":"b"}`, `{"user_id":"q\"\u00e9"}`} {
		testkit.Dial(t, srv).Subscribe("presence-p", user)
	}
	srv.Get(t, "/channels/presence-p/users").Expect(200, `{"users":[{"id":"b"},{"id":"10"},{"id":"q\"é"}]}`)
	srv.Get(t, "/channels/presence-empty/users").Expect(200, `{"users":[]}`)
	srv.Get(t, "/channels/public/users").ExpectError(400, "Users can only be retrieved for presence channels")
	srv.Get(t, "/channels/a%20b/users").ExpectError(400)
}

// See docs/spec/edge-cases.md, case 54.
func TestUsers_Terminate(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	a, b, other := testkit.Dial(t, srv), testkit.Dial(t, srv), testkit.Dial(t, srv)
	a.SignIn(`{"id":"7"}`)
	b.SignIn(`{"id":"7"}`)
	other.SignIn(`{"id":"8"}`)
	srv.Post(t, "/users/7/terminate_connections", "{}").Expect(200, `{}`)
	a.ExpectRefusal(4009)
	b.ExpectRefusal(4009)
	other.Quiet()
	srv.Post(t, "/users/7/terminate_connections", "{}").Expect(200, `{}`)
	srv.Post(t, "/users/nobody/terminate_connections", "").Expect(200, `{}`)
}

// See docs/spec/edge-cases-http.md, case 150;
// docs/spec/http-signature.md#what-sdks-sign: a user id holding a slash.
func TestUsers_TerminateOddIDs(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	c := testkit.Dial(t, srv)
	c.SignIn(`{"id":"a@b;c"}`)
	for _, path := range []string{
		"/users/a%20b/%C3%BC/terminate_connections",
		"/users/a%2Fb/terminate_connections",
		"/users/a/b/c/terminate_connections",
		"/users/x/terminate_connections/terminate_connections",
	} {
		srv.Post(t, path, "{}").Expect(200, `{}`)
	}
	c.Quiet()
	srv.Post(t, "/users/a%40b;c/terminate_connections", "{}").Expect(200, `{}`)
	c.ExpectRefusal(4009)
}

// See docs/spec/edge-cases-http.md, case 161;
// docs/spec/http-api.md#deprecated-endpoints.
func TestDeprecated_Trigger(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	c, other := testkit.Dial(t, srv), testkit.Dial(t, srv)
	c.Subscribe("a")
	other.Subscribe("a")
	trigger := func(body string, query map[string]string) *testkit.Response {
		return srv.Do(t, testkit.Call{Method: "POST", Path: "/channels/a/events", Body: body, Query: query})
	}
	trigger("plain \"text\"\n", map[string]string{"name": "e"}).Expect(202, "")
	c.Expect(`{"event":"e","channel":"a","data":"plain \"text\"\n"}`)
	trigger("x", map[string]string{"name": "e", "socket_id": c.ID}).Expect(202, "")
	other.Expect(`{"event":"e",…"plain…}`)
	other.Expect(`{"event":"e","channel":"a","data":"x"}`)
	c.Quiet()

	trigger("x", nil).ExpectError(400, "Missing required parameter: name")
	trigger("x", map[string]string{"name": "e", "socket_id": ""}).ExpectError(400, "socket_id")
	trigger("\xff", map[string]string{"name": "e"}).ExpectError(400, "UTF-8")
	trigger(string(make([]byte, 10241)), map[string]string{"name": "e"}).ExpectError(413)
	srv.Post(t, "/channels/a%20b/events", "x").ExpectError(400)
}

// See docs/spec/http-api.md#deprecated-endpoints.
func TestDeprecated_Stats(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	testkit.Dial(t, srv).Subscribe("presence-p", `{"user_id":"1"}`)
	testkit.Dial(t, srv).Subscribe("presence-p", `{"user_id":"1"}`)
	srv.Get(t, "/channels/presence-p/stats").Expect(200, `{"occupied":true,"user_count":1,"connection_count":2}`)
	srv.Get(t, "/channels/a/stats").Expect(200, `{"occupied":false,"connection_count":0}`)
}
