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
	Apps:             []channels.AppStats{{ID: "chat", Sockets: 3, Channels: 2}, {ID: "shop", Sockets: 1}},
	Refusals:         map[int]uint64{0: 7, 4001: 2, 4301: 5},
	Published:        10,
	ClientEvents:     11,
	MessagesReceived: 12,
	BytesReceived:    13,
	FramesSent:       14,
	BytesSent:        15,
	Writes:           16,
	SlowReaders:      17,
}

const exposition = `
# HELP fanfare_channels Channels of an app with a subscriber on this node.
# TYPE fanfare_channels gauge
fanfare_channels{app="chat"} 2
fanfare_channels{app="shop"} 0
# HELP fanfare_client_events_total Client events accepted.
# TYPE fanfare_client_events_total counter
fanfare_client_events_total 11
# HELP fanfare_events_published_total Events accepted from the HTTP API, each once however many channels it goes to.
# TYPE fanfare_events_published_total counter
fanfare_events_published_total 10
# HELP fanfare_frames_sent_total Frames written to sockets.
# TYPE fanfare_frames_sent_total counter
fanfare_frames_sent_total 14
# HELP fanfare_messages_received_total Messages read from sockets.
# TYPE fanfare_messages_received_total counter
fanfare_messages_received_total 12
# HELP fanfare_ready 1 while new sockets are welcome, 0 while starting or draining.
# TYPE fanfare_ready gauge
fanfare_ready 1
# HELP fanfare_received_bytes_total Bytes read from sockets.
# TYPE fanfare_received_bytes_total counter
fanfare_received_bytes_total 13
# HELP fanfare_refusals_total Refusals by protocol code or HTTP status; null is an error that closes nothing.
# TYPE fanfare_refusals_total counter
fanfare_refusals_total{code="4001"} 2
fanfare_refusals_total{code="4301"} 5
fanfare_refusals_total{code="null"} 7
# HELP fanfare_sent_bytes_total Bytes written to sockets.
# TYPE fanfare_sent_bytes_total counter
fanfare_sent_bytes_total 15
# HELP fanfare_slow_readers_total Sockets closed because they did not read what waited for them.
# TYPE fanfare_slow_readers_total counter
fanfare_slow_readers_total 17
# HELP fanfare_socket_writes_total Write calls; frames_sent_total over it is how well frames batch.
# TYPE fanfare_socket_writes_total counter
fanfare_socket_writes_total 16
# HELP fanfare_sockets Open sockets of an app on this node.
# TYPE fanfare_sockets gauge
fanfare_sockets{app="chat"} 3
fanfare_sockets{app="shop"} 1
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
		for _, name := range []string{`fanfare_build_info{version="v1.2.3"} 1`, "fanfare_events_published_total 0", "go_goroutines ", "process_open_fds "} {
			if !strings.Contains(string(body), name) {
				t.Errorf("/metrics lacks %s:\n%s", name, body)
			}
		}
	}
}
