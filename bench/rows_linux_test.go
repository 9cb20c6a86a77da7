package bench

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

func TestFanout_OneEventToManyChannels(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Fanout{Sockets: 40, Channels: 20, To: 10, Size: 200, Callers: 3, Warmup: short, Duration: d}
	}, "deliveries", "latency p50", "events")
	if _, err := (Fanout{Sockets: 3, Channels: 3, To: 2, Callers: 1}).Run(t.Context(), target(t)); err == nil {
		t.Error("three channels are divided into groups of two")
	}
}

func TestFanout_InBatches(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Fanout{Sockets: 20, Channels: 7, Batch: 10, Size: 200, Rate: 200, Callers: 3, Warmup: short, Duration: d}
	}, "deliveries", "latency p50", "events")
}

func TestTrigger_InBatches(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Trigger{Callers: 4, Channels: 10, Subscribers: 20, Batch: 10, Size: 200, Duration: d}
	}, "events", "deliveries")
	if _, err := (Trigger{Callers: 1, Channels: 1, Batch: 2}).Run(t.Context(), target(t)); err == nil {
		t.Error("batches that nobody counts are sent")
	}
}

// Streams are renewed on the way: each carries more than one may hold.
func TestFanout_OverHTTP(t *testing.T) {
	for _, via := range []string{ViaStreaming, ViaPolling} {
		t.Run(via, func(t *testing.T) {
			longer(t, func(d time.Duration) bool {
				r := run(t, Fanout{Sockets: 12, Channels: 2, Size: 9000, Callers: 2, Via: via, Warmup: short, Duration: d})
				return r.Value("events")*d.Seconds()/2 > 2*streamSize/9000
			})
		})
	}
	if _, err := (Fanout{Sockets: 1, Channels: 1, Callers: 1, Via: "pigeons"}).Run(t.Context(), target(t)); err == nil {
		t.Error("an unknown transport is no error")
	}
}

func TestIdle_OverHTTP(t *testing.T) {
	for _, via := range []string{ViaStreaming, ViaPolling} {
		r := run(t, Idle{Sockets: 30, Channels: 2, Via: via, Settle: time.Millisecond, Hold: short})
		positive(t, r, "connected and subscribed", "server memory")
	}
}

func TestIdle_Pings(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Idle{Sockets: 20, Channels: 1, Ping: 50 * time.Millisecond, Settle: time.Millisecond, Hold: d}
	}, "pings answered")
}

func TestPresence_AllAtOnce(t *testing.T) {
	r := run(t, Presence{Sockets: 60, Room: 30, Stay: 4, AtOnce: true})
	positive(t, r, "joining, the last one told after", "leaving, the last one told after", "joining, bytes received", "leaving, bytes received")
	if got := r.Value("member_added"); got != 2*30*29/2 {
		t.Errorf("member_added: %v", got)
	}
	if got := r.Value("member_removed"); got != 2*26*4 {
		t.Errorf("member_removed: %v", got)
	}
}

// overTLS is the target over TLS, whose certificate the client checks.
func overTLS(t *testing.T) Target {
	t.Helper()
	to, authority := terminatedBy(t)
	to.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	to.TLS.RootCAs.AddCert(authority)
	return to
}

func TestScenarios_OverTLS(t *testing.T) {
	for name, scenario := range map[string]func(d time.Duration) Scenario{
		"fanout": func(d time.Duration) Scenario {
			return Fanout{Sockets: 20, Channels: 2, Size: 9000, Callers: 2, Warmup: short, Duration: d}
		},
		"streaming": func(d time.Duration) Scenario {
			return Fanout{Sockets: 8, Channels: 2, Size: 200, Callers: 2, Via: ViaStreaming, Warmup: short, Duration: d}
		},
		"trigger": func(d time.Duration) Scenario {
			return Trigger{Callers: 4, Channels: 2, Subscribers: 6, Size: 200, Duration: d}
		},
	} {
		t.Run(name, func(t *testing.T) {
			longer(t, func(d time.Duration) bool {
				r, err := scenario(d).Run(t.Context(), overTLS(t))
				if err != nil {
					t.Fatal(err)
				}
				if !clean(r) {
					t.Error(losses(r), r.Problems)
				}
				return all(r, "events", "deliveries")
			})
		})
	}
}

func TestIdle_OverTLS_AnUnknownAuthorityIsAnError(t *testing.T) {
	to := overTLS(t)
	to.TLS.RootCAs = x509.NewCertPool()
	_, err := (Idle{Sockets: 2, Channels: 1}).Run(t.Context(), to)
	if err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("error %v", err)
	}
}
