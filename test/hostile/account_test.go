package hostile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// Everything that is held is in the account while it is held, and nothing is
// once everybody has left: no holder, no byte, no goroutine.
func TestAccount_IsEmptyOnceEverybodyHasLeft(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{
		Apps:    []apps.App{testkit.App(func(a *apps.App) { a.Watchlist = true })},
		Hub:     channels.Config{OfflineGrace: -1},
		Sockets: sockets.Config{ReceiveWithin: time.Second},
		Leaks:   true,
	})
	var leave []func()
	for i := range 12 {
		c := testkit.Dial(t, srv)
		leave = append(leave, c.Close)
		for n := range 30 {
			c.Subscribe(fmt.Sprintf("public-%d-%d", i, n))
		}
		c.Subscribe("private-room")
		c.SignIn(fmt.Sprintf(`{"id":"user-%d","watchlist":["user-%d","nobody"]}`, i, i+100))
	}
	for i := range 4 { // who reads nothing of what a busy channel has to say
		c := testkit.Dial(t, srv)
		leave = append(leave, c.Close)
		c.Subscribe("busy")
		if i == 0 {
			continue
		}
		part := testkit.Masked(ws.NewTextFrame([]byte(strings.Repeat("x", 20_000))))
		c.Write(part[:len(part)-1])
	}
	for i := range 4 {
		raw := testkit.Connect(t, srv)
		leave = append(leave, raw.Close)
		text := srv.Text(testkit.Call{Path: "/batch_events", Body: strings.Repeat("x", 9_000)})
		raw.Write(text[:len(text)-1])

		kept := testkit.Connect(t, srv)
		leave = append(leave, kept.Close)
		kept.Write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		kept.Response("GET").Expect(200, "…")

		for _, way := range []string{"xhr_streaming", "xhr"} {
			waits := testkit.Connect(t, srv)
			leave = append(leave, waits.Close)
			waits.Write(fmt.Sprintf("POST /pusher/app/app-key/1/session%d%s/%s?protocol=7&client=js&version=8.6.0 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", i, way[:3], way))
		}
	}
	for range 1200 {
		srv.Post(t, "/events", `{"name":"e","channel":"busy","data":"`+strings.Repeat("y", 9_000)+`"}`).Expect(200, "{}")
		if srv.Account.Count(account.Queues) > 0 {
			break
		}
	}
	for _, kind := range []account.Kind{
		account.Connections, account.Bodies, account.Receives, account.Sockets, account.Messages, account.Queues, account.Subscriptions, account.Channels,
	} {
		testkit.Eventually(t, "some "+kind.String()+" are in the account", func() bool {
			return srv.Account.Count(kind) > 0 && srv.Account.BytesOf(kind) > 0
		})
	}
	for _, f := range append(leave, srv.HangUp) {
		f()
	}
	for i := range account.Kinds {
		kind := account.Kind(i)
		testkit.Eventually(t, "no "+kind.String()+" are left in the account", func() bool {
			return srv.Account.Count(kind) == 0 && srv.Account.BytesOf(kind) == 0
		})
	}
	if n := srv.Account.Bytes(); n != 0 {
		t.Errorf("%d bytes are left in the account", n)
	}
}
