package httpapi_test

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"fanfare/httpapi"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
)

// Laravel Pulse asks for it, signed as every request of the SDK.
func TestConnections_CountsTheSocketsOfTheApp(t *testing.T) {
	everyWay(t, slog.LevelError, testkit.Options{}, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		srv.Get(t, "/connections").Expect(200, `{"connections":0}`)
		testkit.Dial(t, srv)
		second := testkit.Dial(t, srv)
		second.Subscribe("a")
		second.Subscribe("b")
		srv.Get(t, "/connections").Expect(200, `{"connections":2}`)
		second.Close()
		testkit.Eventually(t, "one has left", func() bool { return srv.Get(t, "/connections").Body == `{"connections":1}` })
		srv.Do(t, testkit.Call{Method: "HEAD", Path: "/connections"}).Expect(200, "")
		srv.Do(t, testkit.Call{Method: "PUT", Path: "/connections"}).ExpectError(405, "GET")
		if r := srv.Do(t, testkit.Call{Path: "/connections", RawQuery: "auth_key=app-key"}); r.Status != 401 {
			t.Errorf("without a signature: %d %s", r.Status, r.Body)
		}
	})
}

func TestConnections_InACluster_AreThoseOfAllNodes(t *testing.T) {
	inCluster(t, func(t *testing.T, srv *testkit.Server, _ *testkit.Remote) {
		srv.Get(t, "/connections").Expect(200, `{"connections":7}`)
	})
}

// Checks of Forge, of soketi's chart and of load balancers, as they were.
func TestCompat_ChecksOfReverbAndSoketi(t *testing.T) {
	var up atomic.Bool
	held := account.New(1 << 20)
	srv := testkit.Start(t, testkit.Options{Account: held, HTTP: func(c *httpapi.Config) {
		c.PathPrefix, c.Ready = "/rt", up.Load
	}})
	plain := func(path string) *testkit.Response {
		c := testkit.Connect(t, srv)
		c.Write("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		return c.Response("GET")
	}
	plain("/up").Expect(200, `{"health":"OK"}`)
	for _, path := range []string{"/ready", "/accept-traffic"} {
		if r := plain(path).ExpectError(503, "starting"); r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	up.Store(true)
	for _, prefix := range []string{"", "/rt"} {
		plain(prefix+"/up").Expect(200, `{"health":"OK"}`)
		if r := plain(prefix+"/ready").Expect(200, "OK"); !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("got %v", r.Header)
		}
		plain(prefix+"/accept-traffic").Expect(200, "OK")
	}
	held.Measure(2 << 20)
	plain("/accept-traffic").ExpectError(503, "memory is short")
	plain("/ready").Expect(200, "OK")
}

// The PHP SDK writes a list as info[0]=…&info[1]=… and signs it as info=…,….
func TestChannels_InfoAsAListOfPHP(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	testkit.Dial(t, srv).Subscribe("presence-p", `{"user_id":"1"}`)
	text := srv.Text(testkit.Call{Path: "/channels/presence-p", Query: map[string]string{"info": "user_count,subscription_count"}})
	list := strings.Replace(text, "info=user_count%2Csubscription_count", "info%5B0%5D=user_count&info%5B1%5D=subscription_count", 1)
	if list == text {
		t.Fatalf("the request holds no info: %s", text)
	}
	c := testkit.Connect(t, srv)
	c.Write(list)
	c.Response("GET").Expect(200, `{"occupied":true,"user_count":1,"subscription_count":1}`)
}
