//go:build !race

package channels

import (
	"context"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// What a message costs the garbage collector, held where it is: allocations do
// not vary from run to run as times do. (The race detector adds some.)
func TestAllocations(t *testing.T) {
	d, sinks := crowd(t, 10, "private-x")
	d.app.Limits.ClientEventsPerSecond = 0
	ev := pusherproto.Event{Name: "e", Channels: []string{"private-x"}, Data: pusherproto.AppendString(nil, strings.Repeat("x", 200))}
	past := ev
	past.Channels = []string{"private-past"}
	d.app.History = []apps.HistoryRule{{Channels: "private-past", Events: 100, TTL: time.Hour, ClientEvents: true}}
	for _, s := range sinks {
		v := visitor{Session: s.Session, d: d}
		s.Receive([]byte(v.subscription("private-past", "")))
	}
	d.settle()
	for range 1000 {
		_ = d.hub.Publish(context.Background(), &d.app, past)
	}
	d.settle()
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
		// One more for each: what is kept of the event beside its frame.
		"client event that is kept": {7, receive(`{"event":"client-e","channel":"private-past","data":{"x":1}}`)},
		"publish to a history":      {5, func() { _ = d.hub.Publish(context.Background(), &d.app, past); d.settle() }},
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(200, tt.do); n > tt.most {
				t.Errorf("%v allocations, %v before", n, tt.most)
			}
		})
	}
}
