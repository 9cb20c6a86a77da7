package metrics

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestClusterCollector_ShowsWhatTheNodeSees(t *testing.T) {
	c := NewClusterCollector(func() Cluster {
		return Cluster{
			Open: 60, Entering: 3, Away: 1, Young: 2, Lag: 1500 * time.Millisecond, Alive: 5, Quiet: 6, Dead: 7, Queued: 8, QueuedBytes: 9,
			Operations: 10, RoundTrips: 11, RoundTripTime: 12 * time.Second, Gaps: 13, Repairs: 14, Overruns: 15, Dropped: 16, Deaths: 17, Overfull: 18, Misrouted: 19, Unasked: 20,
			Kept: 21, Terms: 22, Boxed: 23, Handed: 24, Lost: 25, Births: 26,
		}
	})
	want := map[string]float64{
		"partitions open": 60, "partitions entering": 3, "partitions away": 1, "young_partitions": 2, "lag_seconds": 1.5,
		"nodes alive": 5, "nodes quiet": 6, "nodes dead": 7, "queued_operations": 8, "queued_bytes": 9,
		"operations_total": 10, "round_trips_total": 11, "round_trip_seconds_total": 12, "gaps_total": 13, "repairs_total": 14,
		"overruns_total": 15, "events_dropped_total": 16, "deaths_total": 17, "overfull_members_total": 18,
		"misrouted_sessions_total": 19, "unasked_sockets_total": 20,
		"keeper_partitions": 21, "keeper_terms_total": 22, "outbox_events": 23, "outbox_delivering_events": 24, "outbox_dropped_total": 25, "new_memories_total": 26,
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "fanfare_cluster_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	problems, err := testutil.CollectAndLint(c)
	if err != nil || len(problems) > 0 {
		t.Errorf("names are not in Prometheus style: %v %v", problems, err)
	}
}
