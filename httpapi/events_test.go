package httpapi_test

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fanfare/httpapi"
	"fanfare/internal/testkit"
)

func TestEvents_DeliveredToSubscribers(t *testing.T) {
	o := uncounted()
	o.Leaks = true
	srv := testkit.Start(t, o)
	c := testkit.Dial(t, srv)
	c.Subscribe("a")
	r := srv.Post(t, "/events", `{"name":"e","channels":["a","b"],"data":"{\"x\":1}"}`).Expect(200, `{}`)
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("got Content-Type %q", got)
	}
	c.Expect(`{"event":"e","channel":"a","data":"{\"x\":1}"}`)
	c.Quiet()
}

// Applications and SDK suites look for the words of Pusher, which every error
// begins with that has some.
func TestEvents_ErrorsBeginWithPushersSentence(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	for body, sentence := range map[string]string{
		`{"channel":"a","data":"1"}`: "Missing required parameter: name",
		`{"name":"e","data":"1"}`:    "Missing required parameter: channel",
		`{"name":"e","channel":"a"}`: "Missing required parameter: data",
		``:                           "Missing required parameter: name",
		`{"name":"e","channel":"a","data":"1","info":"x"}`: "info should be a comma separated list of attributes",
	} {
		srv.Post(t, "/events", body).Expect(400, `{"error":"`+sentence+`…`)
	}
	srv.Post(t, "/events", `{"name":"e","channel":"a","data":"`+strings.Repeat("x", 10241)+`"}`).
		Expect(413, `{"error":"The data content of this event exceeds the allowed maximum (10240 bytes): data has 10241 bytes","code":413}`)
	srv.Post(t, "/events", `{"name":"e","channel":"a","data":"1","socket_id":"undefined"}`).
		Expect(400, `{"error":"socket_id: \"undefined\" is not a socket id; send one such as \"1234.5678\", or leave it out","code":400}`)
}

// See docs/spec/http-api.md#publishing: a parameter may come in the query instead.
func TestEvents_ParametersInTheQuery_EmptyBody_Delivered(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	c := testkit.Dial(t, srv)
	c.Subscribe("a")
	post := func(query map[string]string) *testkit.Response {
		return srv.Do(t, testkit.Call{Method: "POST", Path: "/events", Query: query})
	}
	post(map[string]string{"name": "e", "channel": "a", "data": `{"x": "é"}`}).Expect(200, `{}`)
	c.Expect(`{"event":"e","channel":"a","data":"{\"x\": \"é\"}"}`)
	post(map[string]string{"name": "e", "channel": "a"}).ExpectError(400, "Missing required parameter: data")
	srv.Post(t, "/events", "\ufeff{\"name\":\"marked\",\"channel\":\"a\",\"data\":\"1\"}").Expect(200, `{}`) // a byte order mark
	c.Expect(`{"event":"marked","channel":"a","data":"1"}`)
}

// See docs/spec/edge-cases-http.md, case 63.
func TestEvents_BadFields_400NamesTheField(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	names := `"` + strings.Repeat(`x","`, 100) + `x"`
	for body, word := range map[string]string{
		`{"channel":"a","data":"1"}`:                                           "name",
		`{"name":"","channel":"a","data":"1"}`:                                 "name",
		`{"name":7,"channel":"a","data":"1"}`:                                  "name",
		`{"name":"` + strings.Repeat("n", 201) + `","channel":"a","data":"1"}`: "name",
		`{"name":"e","channel":"a"}`:                                           "data",
		`{"name":"e","channel":"a","data":null}`:                               "data",
		`{"name":"e","channel":"a","data":1}`:                                  "data",
		`{"name":"e","channel":"a","data":true}`:                               "data",
		`{"name":"e","data":"1"}`:                                              "channel",
		`{"name":"e","channels":[],"data":"1"}`:                                "channels",
		`{"name":"e","channels":[` + names + `],"data":"1"}`:                   "channels",
		`{"name":"e","channels":["a b"],"data":"1"}`:                           "channels[0]",
		`{"name":"e","channels":["#x"],"data":"1"}`:                            "channels[0]",
		`{"name":"e","channel":"` + strings.Repeat("c", 201) + `","data":"1"}`: "channel",
		`{"name":"e","channels":["private-encrypted-a","b"],"data":"1"}`:       "encrypted", // 158
		`{"name":"pusher:e","channel":"a","data":"1"}`:                         "pusher:",   // 72
		`{"name":"pusher_internal:e","channel":"a","data":"1"}`:                "pusher_internal:",
		`{"name":"e","channel":"a","data":"1","info":"bogus"}`:                 "info", // 68
		`{"name":"e","channel":"a","data":"1","socket_id":"abc"}`:              "socket_id",
		`{"name":"e","channel":"a","data":"1","socket_id":"1.2.3"}`:            "socket_id",
		`{"name":"e","channel":"a","data":"1","socket_id":"1."}`:               "socket_id",
		`{"name":"e","channel":"a","data":"1","socket_id":""}`:                 "socket_id",
		"{\"name\":\"e\",\"channel\":\"a\",\"data\":\"\xff\"}":                 "", // 71
		`{"name":`: "",
		`[]`:       "",
	} {
		srv.Post(t, "/events", body).ExpectError(400, word)
	}
}

// See docs/spec/edge-cases-http.md, cases 63, 71, 72; docs/spec/edge-cases.md,
// cases 126, 125.
func TestEvents_DataArrivesByteExact(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	c := testkit.Dial(t, srv)
	c.Subscribe("a")
	for _, tc := range []struct{ name, data, sent string }{
		{"client-x", `""`, `""`},
		{`App\\Events\\X`, `"null"`, `"null"`},
		{".x", `"\u0000 \u2028 😀 עברית"`, `"\u0000 \u2028 😀 עברית"`},
		{"a b", `"` + strings.Repeat(`\"`, 10240) + `"`, `"` + strings.Repeat(`\"`, 10240) + `"`},
		{"o", `{"a": [1, "x"]}`, `"{\"a\":[1,\"x\"]}"`},
		{"l", `[ ]`, `"[]"`},
		{"n", `"1e400 123456789012345678901234567890"`, `"1e400 123456789012345678901234567890"`},
	} {
		srv.Post(t, "/events", `{"name":"`+tc.name+`","channel":"a","data":`+tc.data+`,"unknown":[1]}`).Expect(200, `{}`)
		c.Expect(`{"event":"` + tc.name + `","channel":"a","data":` + tc.sent + `}`)
	}
	c.Quiet()
}

// See docs/spec/edge-cases-http.md, case 64.
func TestEvents_DataLimit(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	body := func(n int) string { return `{"name":"e","channel":"a","data":"` + strings.Repeat("x", n) + `"}` }
	srv.Post(t, "/events", body(10240)).Expect(200, `{}`)
	srv.Post(t, "/events", body(10241)).ExpectError(413, "10240")
	// Every character escaped is six times as long and still allowed.
	srv.Post(t, "/events", `{"name":"e","channel":"a","data":"`+strings.Repeat(`\u0041`, 10240)+`"}`).Expect(200, `{}`)
}

// See docs/spec/edge-cases-http.md, cases 66, 157.
func TestEvents_SocketIDLeavesTheSenderOut(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	sender, other := testkit.Dial(t, srv), testkit.Dial(t, srv)
	for _, c := range []*testkit.Client{sender, other} {
		c.Subscribe("a")
		c.Subscribe("b")
	}
	srv.Post(t, "/events", `{"name":"e","channel":"b","channels":["a","b","a"],"data":"1","socket_id":"`+sender.ID+`"}`).Expect(200, `{}`)
	srv.Post(t, "/events", `{"name":"f","channel":"a","data":"1","socket_id":"1.2"}`).Expect(200, `{}`)
	other.ExpectAny(`{"event":"e","channel":"a","data":"1"}`, `{"event":"e","channel":"b","data":"1"}`)
	other.Expect(`{"event":"f","channel":"a","data":"1"}`)
	sender.Expect(`{"event":"f","channel":"a","data":"1"}`)
	other.Quiet()
	sender.Quiet()
}

// See docs/spec/edge-cases-http.md, cases 68, 163.
func TestEvents_Info(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	for _, user := range []string{`{"user_id":"1"}`, `{"user_id":1}`, `{"user_id":"2"}`} {
		c := testkit.Dial(t, srv)
		c.Subscribe("presence-p", user)
		c.Subscribe("b")
	}
	srv.Post(t, "/events", `{"name":"e","channels":["presence-p","b","nobody"],"data":"1","info":"user_count, user_count,subscription_count"}`).
		Expect(200, `{"channels":{"presence-p":{"user_count":2,"subscription_count":3},"b":{"subscription_count":3},"nobody":{"subscription_count":0}}}`)
	srv.Post(t, "/events", `{"name":"e","channels":["presence-p","b"],"data":"1","info":"user_count"}`).
		Expect(200, `{"channels":{"presence-p":{"user_count":2},"b":{}}}`)
	srv.Post(t, "/events", `{"name":"e","channel":"#server-to-user-7","data":"1","info":"subscription_count"}`).
		Expect(200, `{"channels":{"#server-to-user-7":{}}}`)
}

// See docs/spec/http-api.md#publishing: parameters may come in the query.
func TestEvents_ParametersInTheQuery(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	c := testkit.Dial(t, srv)
	c.Subscribe("q")
	srv.Do(t, testkit.Call{
		Method: "POST", Path: "/events", Body: `{"data":"1","name":"body"}`,
		Query: map[string]string{"name": "query", "channels[]": "q"},
	}).Expect(200, `{}`)
	c.Expect(`{"event":"body","channel":"q","data":"1"}`)

	query := "auth_key=app-key&auth_timestamp=" + unix(time.Now()) + "&auth_version=1.0&body_md5=99914b932bd37a50b983c5e7c90ae93b"
	for i := range 100 {
		query += "&channels[]=" + strconv.Itoa(i)
	}
	srv.Do(t, testkit.Call{Path: "/events", Body: "{}", RawQuery: sign("POST", "/apps/app-id/events", query+"&data=1&info=subscription_count&name=e")}).
		Expect(200, `{"channels":{"0":{"subscription_count":0},…}}`)
}

// See docs/spec/edge-cases-http.md, case 69.
func TestEvents_WithoutSubscribers_RememberedByCacheChannelsOnly(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	srv.Post(t, "/events", `{"name":"e","channels":["a","cache-a"],"data":"1"}`).Expect(200, `{}`)
	c := testkit.Dial(t, srv)
	c.Subscribe("cache-a")
	c.Expect(`{"event":"e","channel":"cache-a","data":"1"}`)
	c.Subscribe("a")
	c.Quiet()
}

// See docs/spec/http-api.md#status-codes.
func TestEvents_Draining_503WithRetryAfter(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	srv.Hub.Close()
	for path, body := range map[string]string{
		"/events":            event,
		"/batch_events":      `{"batch":[` + event + `]}`,
		"/channels/a/events": "x",
	} {
		call := testkit.Call{Method: "POST", Path: path, Body: body, Query: map[string]string{"name": "e"}}
		if r := srv.Do(t, call).ExpectError(503); r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: Retry-After is missing", path)
		}
	}
}

// A node that ends answers none of the API: what it could say of its channels
// is over, and the next process or another node knows better.
func TestAPI_Draining_503WithRetryAfter(t *testing.T) {
	var draining atomic.Bool
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.Draining = draining.Load }})
	draining.Store(true)
	srv.Hub.Close()
	for _, call := range []testkit.Call{
		{Method: "POST", Path: "/events", Body: event},
		{Method: "POST", Path: "/batch_events", Body: `{"batch":[` + event + `]}`},
		{Method: "POST", Path: "/users/u/terminate_connections", Body: "{}"},
		{Method: "GET", Path: "/channels"},
		{Method: "GET", Path: "/channels/a"},
		{Method: "GET", Path: "/channels/presence-a/users"},
	} {
		r := srv.Do(t, call).ExpectError(503)
		if r.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %v", call.Method, call.Path, r.Header)
		}
	}
}
