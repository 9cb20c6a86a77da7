//go:build !race

package channels

import (
	"context"
	"strings"
	"testing"

	"fanfare/pusherproto"
)

// What a message costs the garbage collector, held where it is: allocations do
// not vary from run to run as times do. (The race detector adds some.)
func TestAllocations(t *testing.T) {
	d, sinks := crowd(t, 10, "private-x")
	d.app.Limits.ClientEventsPerSecond = 0
	ev := pusherproto.Event{Name: "e", Channels: []string{"private-x"}, Data: pusherproto.AppendString(nil, strings.Repeat("x", 200))}
	receive := func(message string) func() {
		raw := []byte(message)
		return func() { sinks[0].Receive(raw); d.settle() }
	}
	for name, tt := range map[string]struct {
		most float64
		do   func()
	}{
		"ping":         {1, receive(`{"event":"pusher:ping","data":{}}`)},
		"client event": {6, receive(`{"event":"client-e","channel":"private-x","data":{"x":1}}`)},
		"publish":      {4, func() { _ = d.hub.Publish(context.Background(), &d.app, ev); d.settle() }},
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(200, tt.do); n > tt.most {
				t.Errorf("%v allocations, %v before", n, tt.most)
			}
		})
	}
}
