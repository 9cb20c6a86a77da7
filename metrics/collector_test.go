package metrics

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"fanfare/channels"
)

type fixed channels.Stats

func (f fixed) Stats() channels.Stats { return channels.Stats(f) }

var snapshot = fixed{
	Apps: []channels.AppStats{
		{
			ID: "chat", HeldBytes: 18, Sockets: 3, Channels: 2, Members: 4, Opened: 5, Published: 10, ClientEvents: 11,
			MessagesReceived: 12, BytesReceived: 13, FramesSent: 14, BytesSent: 15,
			Subscriptions: []channels.KindStats{{Kind: "public", Subscriptions: 6}, {Kind: "presence", Subscriptions: 7}},
			History:       channels.HistoryStats{Events: 18, Bytes: 19, Dropped: []channels.DropStats{{Reason: "ttl", Events: 20}}},
			Closed:        []channels.CloseStats{{Code: 1001, Count: 8}, {Code: 0, Count: 9}},
		},
		{ID: "shop", Sockets: 1},
	},
	Refused: []channels.Refusal{
		{App: "", Code: 4001, Reason: "unknown_app", Count: 2},
		{App: "chat", Code: 0, Reason: "invalid_message", Count: 7},
		{App: "chat", Code: 4301, Reason: "client_event_rate", Count: 5},
	},
	Writes:      16,
	SlowReaders: 17,
}

const exposition = `
# HELP fanfare_app_held_bytes Memory held for the app: subscriptions, channels, members, events of cache channels and histories, waiting messages and bodies.
# TYPE fanfare_app_held_bytes gauge
fanfare_app_held_bytes{app="chat"} 18
fanfare_app_held_bytes{app="shop"} 0
# HELP fanfare_channels Channels with a subscriber on this node.
# TYPE fanfare_channels gauge
fanfare_channels{app="chat"} 2
fanfare_channels{app="shop"} 0
# HELP fanfare_client_events_total Client events accepted.
# TYPE fanfare_client_events_total counter
fanfare_client_events_total{app="chat"} 11
fanfare_client_events_total{app="shop"} 0
# HELP fanfare_connections_closed_total Connections that ended, by close code. 1006 is a lost connection; other is any unlisted code.
# TYPE fanfare_connections_closed_total counter
fanfare_connections_closed_total{app="chat",code="1001"} 8
fanfare_connections_closed_total{app="chat",code="other"} 9
# HELP fanfare_connections_opened_total Connections that were established, over any transport.
# TYPE fanfare_connections_opened_total counter
fanfare_connections_opened_total{app="chat"} 5
fanfare_connections_opened_total{app="shop"} 0
# HELP fanfare_events_published_total Events accepted from the HTTP API. An event for several channels counts once.
# TYPE fanfare_events_published_total counter
fanfare_events_published_total{app="chat"} 10
fanfare_events_published_total{app="shop"} 0
# HELP fanfare_frames_sent_total Frames written to sockets.
# TYPE fanfare_frames_sent_total counter
fanfare_frames_sent_total{app="chat"} 14
fanfare_frames_sent_total{app="shop"} 0
# HELP fanfare_history_bytes Memory of the events in histories.
# TYPE fanfare_history_bytes gauge
fanfare_history_bytes{app="chat"} 19
fanfare_history_bytes{app="shop"} 0
# HELP fanfare_history_dropped_events_total Events dropped from histories. reason is events (the rule's maximum), ttl, bytes (max_history_bytes, or the server's memory, is full) or cleared.
# TYPE fanfare_history_dropped_events_total counter
fanfare_history_dropped_events_total{app="chat",reason="ttl"} 20
# HELP fanfare_history_events Events in the histories of channels on this node.
# TYPE fanfare_history_events gauge
fanfare_history_events{app="chat"} 18
fanfare_history_events{app="shop"} 0
# HELP fanfare_messages_received_total Messages read from sockets.
# TYPE fanfare_messages_received_total counter
fanfare_messages_received_total{app="chat"} 12
fanfare_messages_received_total{app="shop"} 0
# HELP fanfare_presence_members Members of the presence channels with a subscriber on this node, members on other nodes included. A user counts once per channel.
# TYPE fanfare_presence_members gauge
fanfare_presence_members{app="chat"} 4
fanfare_presence_members{app="shop"} 0
# HELP fanfare_ready 1 while the server accepts new sockets, 0 while it starts or shuts down.
# TYPE fanfare_ready gauge
fanfare_ready 1
# HELP fanfare_received_bytes_total Bytes read from sockets.
# TYPE fanfare_received_bytes_total counter
fanfare_received_bytes_total{app="chat"} 13
fanfare_received_bytes_total{app="shop"} 0
# HELP fanfare_refusals_total Requests, connections and messages that were refused. code is a protocol code, a close code or an HTTP status; app is empty if the app is unknown.
# TYPE fanfare_refusals_total counter
fanfare_refusals_total{app="",code="4001",reason="unknown_app"} 2
fanfare_refusals_total{app="chat",code="4301",reason="client_event_rate"} 5
fanfare_refusals_total{app="chat",code="null",reason="invalid_message"} 7
# HELP fanfare_sent_bytes_total Bytes written to sockets.
# TYPE fanfare_sent_bytes_total counter
fanfare_sent_bytes_total{app="chat"} 15
fanfare_sent_bytes_total{app="shop"} 0
# HELP fanfare_slow_readers_total Sockets closed because their queue was full.
# TYPE fanfare_slow_readers_total counter
fanfare_slow_readers_total 17
# HELP fanfare_socket_writes_total Write calls. frames_sent_total divided by it is the number of frames per write.
# TYPE fanfare_socket_writes_total counter
fanfare_socket_writes_total 16
# HELP fanfare_sockets Open sockets.
# TYPE fanfare_sockets gauge
fanfare_sockets{app="chat"} 3
fanfare_sockets{app="shop"} 1
# HELP fanfare_subscriptions Subscriptions of sockets, by kind of channel.
# TYPE fanfare_subscriptions gauge
fanfare_subscriptions{app="chat",kind="presence"} 7
fanfare_subscriptions{app="chat",kind="public"} 6
`

func TestCollector_ShowsTheSnapshot(t *testing.T) {
	c := NewCollector(snapshot, func() bool { return true })
	if err := testutil.CollectAndCompare(c, strings.NewReader(exposition)); err != nil {
		t.Error(err)
	}
	problems, err := testutil.CollectAndLint(c)
	if err != nil || len(problems) > 0 {
		t.Errorf("names are not in Prometheus style: %v %v", problems, err)
	}
}

func TestHandler_AnswersMetricsOnly(t *testing.T) {
	s := httptest.NewServer(Handler(NewCollector(channels.New(channels.Config{}), nil), "v1.2.3"))
	defer s.Close()
	for path, want := range map[string]int{"/metrics": 200, "/": 200, "/apps": 404} {
		res, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != want {
			t.Errorf("GET %s: status %d, %v; want %d", path, res.StatusCode, err, want)
		}
		if path != "/metrics" {
			continue
		}
		for _, name := range []string{`fanfare_build_info{version="v1.2.3"} 1`, "fanfare_socket_writes_total 0", "go_goroutines ", "process_open_fds "} {
			if !strings.Contains(string(body), name) {
				t.Errorf("/metrics lacks %s:\n%s", name, body)
			}
		}
	}
}

func TestLoopSockets_ShowsEachLoop(t *testing.T) {
	const want = `
# HELP fanfare_loop_sockets Open sockets, by event loop.
# TYPE fanfare_loop_sockets gauge
fanfare_loop_sockets{loop="0"} 3
fanfare_loop_sockets{loop="1"} 4
`
	if err := testutil.CollectAndCompare(LoopSockets(func() []int { return []int{3, 4} }), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
