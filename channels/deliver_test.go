package channels

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"fanfare/pusherproto"
)

// sink is a connection that takes frames and does nothing with them.
type sink struct{ Session }

func (*sink) Send(*Frame)       {}
func (*sink) Close(int, string) {}

// crowd subscribes n sockets to a channel.
func crowd(tb testing.TB, n int, channel string) (*desk, []*sink) {
	d := newDesk(&testing.T{})
	sinks := make([]*sink, n)
	for i := range sinks {
		sinks[i] = &sink{}
		if refusal := sinks[i].Open(d.hub, &d.app, d.loops[i%2], sinks[i]); refusal != nil {
			tb.Fatal(refusal)
		}
		v := visitor{Session: sinks[i].Session, d: d}
		sinks[i].Receive([]byte(v.subscription(channel, "")))
	}
	d.settle()
	return d, sinks
}

func TestPublish_AllocationsDoNotGrowWithSubscribers(t *testing.T) {
	allocations := func(n int) float64 {
		d, _ := crowd(t, n, "news")
		ev := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(`"x"`)}
		return testing.AllocsPerRun(100, func() {
			_ = d.hub.Publish(context.Background(), &d.app, ev)
			d.settle()
		})
	}
	few, many := allocations(10), allocations(10_000)
	if many > few+1 {
		t.Errorf("%v allocations for 10 subscribers, %v for 10,000", few, many)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{0, 1000, 10_000} {
		b.Run(fmt.Sprintf("subs=%d/bytes=200", n), func(b *testing.B) {
			d, _ := crowd(b, n, "news")
			data := pusherproto.AppendString(nil, strings.Repeat("x", 200))
			ev := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: data}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				_ = d.hub.Publish(context.Background(), &d.app, ev)
				d.settle()
			}
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	d, sinks := crowd(b, 10, "private-x")
	d.app.Limits.ClientEventsPerSecond = 0
	for name, message := range map[string]string{
		"ping":         `{"event":"pusher:ping","data":{}}`,
		"client-event": `{"event":"client-e","channel":"private-x","data":{"x":1}}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sinks[0].Receive([]byte(message))
				d.settle()
			}
		})
	}
}

func BenchmarkSubscribe(b *testing.B) {
	d, sinks := crowd(b, 1, "other")
	b.ReportAllocs()
	for b.Loop() {
		sinks[0].Receive([]byte(`{"event":"pusher:subscribe","data":{"channel":"news"}}`))
		d.settle()
		sinks[0].Receive([]byte(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`))
	}
}
