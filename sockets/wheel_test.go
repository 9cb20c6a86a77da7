package sockets

import (
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/channels"
)

// A process that stood still for longer than the wheel reaches (a stopped
// virtual machine, SIGSTOP) still looks after the sockets it had.
func TestDeadlines_AfterALongStop_AreKept(t *testing.T) {
	links(t, func(h *harness) {
		for _, stop := range []time.Duration{5 * time.Minute, wheelSlots * time.Second, time.Hour} {
			p := h.dial()
			for _, l := range h.server.loops {
				l.Post(channels.Call(func() { l.started = l.started.Add(-stop) }))
			}
			if f := p.read(); f.Header.OpCode != ws.OpPing {
				t.Fatalf("after %s: got %v %q, want a ping", stop, f.Header.OpCode, f.Payload)
			}
		}
	})
}
