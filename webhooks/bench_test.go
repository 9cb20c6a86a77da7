package webhooks

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"fanfare/channels"
)

// What Observe costs a socket's loop. An app without webhooks, and a kind
// nobody is told of, must cost nothing.
func BenchmarkObserve(b *testing.B) {
	data := make([]byte, 200)
	for i := range data {
		data[i] = 'x'
	}
	data[0], data[199] = '"', '"'
	endpoint := func(events ...string) map[string][]Endpoint {
		return map[string][]Endpoint{"a": {{URL: "http://hooks.test/", Events: events}}}
	}
	event := clientEvent("private-x", "client-e", string(data))
	elsewhere := event
	none := testApp("none")
	elsewhere.App = &none
	for _, c := range []struct {
		name      string
		endpoints map[string][]Endpoint
		notices   []channels.Notice
	}{
		{"client_event/app=without", endpoint(), []channels.Notice{elsewhere}},
		{"client_event/app=other_events", endpoint("channel_occupied"), []channels.Notice{event}},
		{"client_event/app=with", endpoint(), []channels.Notice{event}},
		{"vacated_and_back", endpoint(), []channels.Notice{vacated("x"), occupied("x")}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newTest(b, Config{Endpoints: c.endpoints, Logger: slog.New(slog.DiscardHandler)}, nil)
			b.ReportAllocs()
			for b.Loop() {
				for _, n := range c.notices {
					s.Observe(n)
				}
			}
		})
	}
}

// What an event costs under a channel's lock when the queue has no room: in
// the storm of ever new public channels of which one more comes and goes, and
// for a client event that has to push some of theirs out.
func BenchmarkObserve_QueueFull(b *testing.B) {
	data := []byte(`"` + strings.Repeat("x", 200) + `"`)
	for _, c := range []struct {
		name  string
		event channels.Notice
		named bool // by its number
	}{
		{"occupied", occupied(""), true},
		{"client_event", clientEvent("private-x", "client-e", string(data)), false},
	} {
		for _, lines := range []int{1000, 100_000} {
			b.Run(fmt.Sprintf("%s/channels=%d", c.name, lines), func(b *testing.B) {
				s := newTest(b, Config{QueueEvents: lines, QueueBytes: 1 << 30, Logger: slog.New(slog.DiscardHandler)}, nil)
				n := occupied("")
				for i := range lines {
					n.Channel = "full-" + strconv.Itoa(i)
					s.Observe(n)
				}
				n = c.event
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if c.named {
						n.Channel = "channel-" + strconv.Itoa(i)
					}
					s.Observe(n)
				}
			})
		}
	}
}
