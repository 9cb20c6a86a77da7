package metrics

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestRequestCollector_ShowsTheSnapshot(t *testing.T) {
	c := NewRequestCollector(func() Requests {
		return Requests{
			Counts: []RequestCount{
				{App: "chat", Route: "/apps/:app/events", Status: 200, Count: 3}, {Status: 404, Count: 2}, {Status: 0, Count: 1},
			},
			Latencies: []RouteLatency{{Route: "/apps/:app/events", Count: 3, Seconds: 0.75, Buckets: map[float64]uint64{0.1: 1, 0.5: 2}}},
		}
	})
	const want = `
# HELP fanfare_http_request_duration_seconds Time from receiving the head of a request to the end of the response. Polls and streams of HTTP sessions, which wait for events, are not included.
# TYPE fanfare_http_request_duration_seconds histogram
fanfare_http_request_duration_seconds_bucket{route="/apps/:app/events",le="0.1"} 1
fanfare_http_request_duration_seconds_bucket{route="/apps/:app/events",le="0.5"} 2
fanfare_http_request_duration_seconds_bucket{route="/apps/:app/events",le="+Inf"} 3
fanfare_http_request_duration_seconds_sum{route="/apps/:app/events"} 0.75
fanfare_http_request_duration_seconds_count{route="/apps/:app/events"} 3
# HELP fanfare_http_requests_total HTTP requests that were answered, WebSocket handshakes included.
# TYPE fanfare_http_requests_total counter
fanfare_http_requests_total{app="",route="none",status="404"} 2
fanfare_http_requests_total{app="",route="none",status="other"} 1
fanfare_http_requests_total{app="chat",route="/apps/:app/events",status="200"} 3
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	problems, err := testutil.CollectAndLint(c)
	if err != nil || len(problems) > 0 {
		t.Errorf("names are not in Prometheus style: %v %v", problems, err)
	}
}
