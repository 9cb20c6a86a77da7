package channels

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// sink is a connection that takes frames and does nothing with them.
type sink struct{ Session }

func (*sink) Send(*Frame)               {}
func (*sink) Close(int, string)         {}
func (*sink) Opened(*pusherproto.Error) {}

// crowd subscribes n sockets to a channel.
func crowd(tb testing.TB, n int, channel string) (*desk, []*sink) {
	d := newDesk(tb)
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

func BenchmarkFanout(b *testing.B) {
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

// BenchmarkPresenceJoin has a user come to and go from a full room: the list
// is copied for the newcomer, and every member hears of it twice.
func BenchmarkPresenceJoin(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			d := newDesk(b, func(a *apps.App) { a.Limits.MaxPresenceMembers = 0 })
			var join []byte
			var last *sink
			for i := range n + 1 {
				last = &sink{}
				if refusal := last.Open(d.hub, &d.app, d.loops[i%2], last); refusal != nil {
					b.Fatal(refusal)
				}
				v := visitor{Session: last.Session, d: d}
				join = []byte(v.subscription(room, fmt.Sprintf(`{"user_id":"user%d","user_info":{"name":"Ann"}}`, i)))
				if i < n {
					last.Receive(join)
				}
			}
			d.settle()
			b.ReportAllocs()
			for b.Loop() {
				last.Receive(join)
				d.settle()
				last.Receive([]byte(`{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`))
				d.settle()
			}
		})
	}
}

// A join or leave may copy the list but not allocate for each member.
func TestPresence_AllocationsOfAJoinDoNotGrowWithMembers(t *testing.T) {
	allocations := func(n int) float64 {
		d := newDesk(t, func(a *apps.App) { a.Limits.MaxPresenceMembers = 0 })
		for i := range n {
			d.visit().joins(room, fmt.Sprint("user", i))
		}
		s := &sink{}
		if refusal := s.Open(d.hub, &d.app, d.loops[0], s); refusal != nil {
			t.Fatal(refusal)
		}
		hash := hashOf(room)
		for g := &d.hub.tenant("1").table.stripe(hash).channels.get(room, hash).first; g != nil; g = g.next {
			for i := range g.several.subscribers { // what they hear is not what is measured
				g.several.subscribers[i].session.conn = s
			}
		}
		v := visitor{Session: s.Session, d: d}
		join := []byte(v.subscription(room, `{"user_id":"one more"}`))
		leave := []byte(`{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`)
		return testing.AllocsPerRun(50, func() {
			s.Receive(join)
			d.settle()
			s.Receive(leave)
			d.settle()
		})
	}
	few, many := allocations(10), allocations(500)
	if many > few+4 {
		t.Errorf("%v allocations among 10 members, %v among 500", few, many)
	}
}
