package sockets

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
)

// What a socket is sent of a history goes out with the answer to its subscription
// in one system call, over every link. All of it fits a record of TLS.
func TestRewind_HundredEvents_AreOneWrite(t *testing.T) {
	const events = 100
	rule := apps.HistoryRule{Channels: "*", Events: events, TTL: time.Hour, Rewind: events}
	linksOf(t, Config{Loops: 1}, func(a *apps.App) { a.History = []apps.HistoryRule{rule} }, func(h *harness) {
		for i := range events {
			h.publish("news", fmt.Sprint(i)+strings.Repeat(" x", 35))
		}
		sent := uint64(0)
		writes := func() (n uint64) { // once all that was sent is counted
			h.until("all frames are written", func() (all bool) {
				h.on(h.server.loops[0], func() {
					n, all = h.server.loops[0].counters.Writes.Load(), h.hub.Stats().FramesSent == sent
				})
				return all
			})
			return n
		}
		for _, more := range []string{"", `,"recover":"1-0"`} {
			p := h.dial()
			sent++
			before := writes()
			p.send(`{"event":"pusher:subscribe","data":{"channel":"news"` + more + `}}`)
			p.expect("subscription_succeeded")
			if sent += 1 + events; more != "" {
				p.expect("epoch_changed")
				sent++
			}
			for i := range events {
				p.expect(fmt.Sprintf(`"data":"%d `, i))
			}
			if n := writes() - before; n != 1 {
				h.Errorf("the answer to a subscription took %d writes", n)
			}
		}
	})
}
