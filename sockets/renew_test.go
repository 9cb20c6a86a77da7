package sockets

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"fanfare/apps"
)

// renew has the server's apps be the harness's, changed.
func (h *harness) renew(change func(*apps.App)) {
	h.Helper()
	changed := *h.app
	change(&changed)
	registry, err := apps.NewRegistry([]apps.App{changed})
	if err != nil {
		h.Fatal(err)
	}
	h.server.Renew(registry)
}

func TestRenew_SocketsOfADisabledApp_AreClosed4003(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		h.renew(func(a *apps.App) { a.Enabled = false })
		p.expect(`"code":4003`)
		p.expectClose(4003)
	})
}

func TestRenewApps_SocketsOfTheOthersAreLeftAlone(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		disabled := *h.app
		disabled.Enabled = false
		registry, err := apps.NewRegistry([]apps.App{disabled})
		if err != nil {
			h.Fatal(err)
		}
		h.server.RenewApps(registry, []string{"another"})
		p.ping()
		h.server.RenewApps(registry, []string{"another", disabled.ID})
		p.expect(`"code":4003`)
		p.expectClose(4003)
	})
}

// The app of a connection is looked up before its loop has it.
func TestRenew_SocketThatArrivesWithTheAppAsItWas_LivesByTheNewOne(t *testing.T) {
	links(t, func(h *harness) {
		h.renew(func(a *apps.App) { a.Enabled = false })
		p := h.dial()
		p.expect(`"code":4003`)
		p.expectClose(4003)
	})
}

func TestRenew_NewLimitsCountForOpenSockets(t *testing.T) {
	links(t, func(h *harness) {
		p := h.subscribed("first")
		h.renew(func(a *apps.App) { a.Limits.MaxSubscriptions = 1 })
		p.ping() // a turn has passed
		p.send(`{"event":"pusher:subscribe","data":{"channel":"second"}}`)
		p.expect(`{"event":"pusher:error","data":{"code":null,`)
		p.expect(`\"type\":\"LimitReached\"`)
	})
}

func TestRenew_LongestMessage_IsThatOfTheNewLimit(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		h.renew(func(a *apps.App) { a.Limits.MaxEventBytes = 100 << 10 })
		p.ping()
		p.send(`{"event":"pusher:ping","data":"` + strings.Repeat("x", 100<<10) + `"}`)
		p.expect("pusher:pong")
		// What has come of a message is more than it may be from here on.
		p.frame(ws.NewFrame(ws.OpText, false, make([]byte, 100<<10)))
		p.frame(ws.NewPingFrame(nil))
		p.read() // it has all come
		h.renew(func(*apps.App) {})
		p.frame(ws.NewPingFrame(nil))
		p.read()
		p.frame(ws.NewFrame(ws.OpContinuation, true, make([]byte, 1)))
		p.expect("larger than 65536 bytes")
		p.ping()
	})
}
