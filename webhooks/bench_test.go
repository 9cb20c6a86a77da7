package webhooks

import (
	"log/slog"
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
