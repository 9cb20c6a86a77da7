package bench

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/bench/report"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/deadline"
)

// target starts a fanfare in this process and returns it as a target, with this
// process as the one to meter.
func target(t *testing.T) Target {
	t.Helper()
	s := testkit.Start(t, testkit.Options{Leaks: true, Apps: []apps.App{testkit.App(func(a *apps.App) {
		a.Limits.ClientEventsPerSecond = 0
		a.History = []apps.HistoryRule{{Channels: recoveryPrefix + "*", Events: 10_000, TTL: time.Hour}}
	})}})
	return Target{Host: s.Addr, AppID: "app-id", Key: "app-key", Secret: "app-secret", PID: os.Getpid()}
}

// run runs a scenario and holds what every clean run has: nothing refused,
// lost, duplicated or reordered, no problem.
func run(t *testing.T, s Scenario) report.Result {
	t.Helper()
	r, err := Repeat(t.Context(), s, target(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lost", "duplicated", "reordered", "refused", "sockets closed by the server"} {
		if v := r.Value(name); v != 0 {
			t.Errorf("%s: %v", name, v)
		}
	}
	for _, p := range r.Problems {
		t.Errorf("problem: %s", p)
	}
	if t.Failed() {
		_ = r.WriteText(t.Output())
	}
	return r
}

// positive holds that figures were measured at all.
func positive(t *testing.T, r report.Result, names ...string) {
	t.Helper()
	for _, name := range names {
		if r.Value(name) <= 0 {
			t.Errorf("%s: %v", name, r.Value(name))
		}
	}
}

const short = 200 * time.Millisecond

// longer tries for a short time, and for longer until that was enough: a busy
// machine may not get to anything in a while.
func longer(t *testing.T, try func(d time.Duration) bool) {
	t.Helper()
	for d := short; !try(d); d *= 4 {
		if t.Failed() || d > deadline.Long {
			t.Fatalf("not everything was measured in %v", d)
		}
	}
}

// measured runs a scenario until it has measured all figures.
func measured(t *testing.T, scenario func(time.Duration) Scenario, figures ...string) {
	t.Helper()
	longer(t, func(d time.Duration) bool { return all(run(t, scenario(d)), figures...) })
}

// all reports whether figures were measured.
func all(r report.Result, figures ...string) bool {
	return !slices.ContainsFunc(figures, func(name string) bool { return r.Value(name) <= 0 })
}

func TestIdle(t *testing.T) {
	r := run(t, Idle{Sockets: 50, Channels: 3, Settle: time.Millisecond, Hold: short})
	positive(t, r, "connected and subscribed", "dial to subscribed p50", "server memory")
}

func TestIdle_OpenedAtAPace_TellsTheSharesOfTheLoops(t *testing.T) {
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "fanfare_ready 1\nfanfare_loop_sockets{loop=\"0\"} 12\nfanfare_loop_sockets{loop=\"1\"} 8\n")
	}))
	defer metrics.Close()
	to := target(t)
	to.Metrics = strings.TrimPrefix(metrics.URL, "http://")
	const sockets, rate = 20, 200
	began := time.Now()
	r, err := (Idle{Sockets: sockets, Channels: 1, OpenRate: rate, Settle: time.Millisecond, Hold: short}).Run(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	if took, least := time.Since(began), (sockets-1)*time.Second/rate; took < least {
		t.Errorf("%d sockets were opened in %v, the last is due after %v", sockets, took, least)
	}
	for name, want := range map[string]float64{"event loops": 2, "fullest loop above the mean": 20, "emptiest loop below the mean": 20} {
		if got := r.Value(name); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	to.Metrics = to.Host // has none
	if _, err := (Idle{Sockets: 1, Channels: 1, Settle: time.Millisecond, Hold: short}).Run(t.Context(), to); err == nil || !strings.Contains(err.Error(), "shares") {
		t.Errorf("a server without the metric: %v", err)
	}
}

func TestParked(t *testing.T) {
	for _, streaming := range []bool{false, true} {
		r := run(t, Parked{Sessions: 30, Streaming: streaming, Openers: 4, Settle: time.Millisecond, Hold: short})
		positive(t, r, "opened and subscribed", "server memory")
		if v := r.Value("sessions lost"); v != 0 {
			t.Errorf("%v sessions were lost", v)
		}
	}
}

func TestSweep(t *testing.T) {
	longer(t, func(d time.Duration) bool {
		f := Fanout{Sockets: 20, Channels: 2, Size: 200, Callers: 2, Warmup: short, Duration: d}
		results, err := Sweep{Fanout: f, Rates: []float64{20, 50}, Runs: 1}.Run(t.Context(), target(t))
		if err != nil {
			t.Fatal(err)
		}
		series := SeriesOf("fanfare", results)
		if len(results) != 2 || len(series.Points) != 2 || series.Points[1].Load != 500 {
			t.Fatalf("%d results, %+v", len(results), series)
		}
		return series.Points[1].P99 > 0
	})
}

func TestFanout_ClosedLoop(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Fanout{Sockets: 40, Channels: 4, Size: 200, Callers: 3, Warmup: short, Duration: d}
	}, "deliveries", "latency p50", "latency p99", "answered p50", "events")
}

func TestFanout_OpenLoop(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Fanout{Sockets: 20, Channels: 2, Size: 100, Rate: 200, Callers: 4, Warmup: short, Duration: d}
	}, "deliveries", "latency p50", "sent late p99")
}

func TestFanout_SomeNeverRead(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Fanout{Sockets: 20, NeverRead: 2, Channels: 1, Size: 5000, Rate: 100, Callers: 2, Warmup: short, Duration: d}
	}, "deliveries")
}

func TestTrigger_Prepared(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Trigger{Callers: 4, Channels: 2, Size: 200, Duration: d}
	}, "events", "answered p99")
}

func TestTrigger_WithSubscribers(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Trigger{Callers: 4, Channels: 2, Subscribers: 6, Size: 200, Rate: 200, Duration: d}
	}, "events", "deliveries")
}

func TestClientEvents_ClosedLoop(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return ClientEvents{Sockets: 20, Room: 5, Size: 50, Warmup: short, Duration: d}
	}, "deliveries", "latency p50")
}

func TestClientEvents_OpenLoop(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return ClientEvents{Sockets: 20, Room: 5, Size: 50, Rate: 100, Duration: d}
	}, "deliveries", "latency p50")
}

func TestClientEvents_RateLimitIsARefusal(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) { a.Limits.ClientEventsPerSecond = 1 })}})
	longer(t, func(d time.Duration) bool {
		w := ClientEvents{Sockets: 2, Room: 2, Size: 50, Rate: 100, Duration: d}
		r, err := w.Run(t.Context(), Target{Host: s.Addr, AppID: "app-id", Key: "app-key", Secret: "app-secret"})
		if err != nil {
			t.Fatal(err)
		}
		refused := all(r, "refused")
		if refused && len(r.Problems) == 0 {
			t.Error("no word of the limit")
		}
		return refused
	})
}

func TestChurn(t *testing.T) {
	r := run(t, Churn{Sockets: 50, Channels: 2, Waves: 2, Rate: 200, After: short})
	positive(t, r, "connected and subscribed", "channels empty after", "quiet channel, others vanishing p50")
}

func TestPresence(t *testing.T) {
	r := run(t, Presence{Sockets: 60, Room: 20})
	positive(t, r, "joined", "others told p50")
	if got := r.Value("member_added"); got != 3*20*19/2 {
		t.Errorf("member_added: %v", got)
	}
	if got := r.Value("member_removed"); got != 3*10*10 {
		t.Errorf("member_removed: %v", got)
	}
}

func TestBare(t *testing.T) {
	for _, threads := range []int{1, 2} {
		longer(t, func(d time.Duration) bool {
			w := Bare{Sockets: 30, Size: 200, Threads: threads, Command: bareProcess, Warmup: short, Duration: d}
			r, err := w.Run(t.Context(), Target{})
			if err != nil {
				t.Fatal(err)
			}
			if !clean(r) {
				t.Error(losses(r))
			}
			return all(r, "deliveries", "latency p50")
		})
	}
}

func TestScenarios_RefusedSubscriptionIsAnError(t *testing.T) {
	to := target(t)
	to.Secret = "wrong"
	_, err := ClientEvents{Sockets: 2, Room: 2, Size: 50, Duration: short}.Run(t.Context(), to)
	if err == nil {
		t.Error("a wrong secret is no error")
	}
}

func TestScenarios_UnknownKeyIsAnError(t *testing.T) {
	to := target(t)
	to.Key = "unknown"
	if _, err := (Idle{Sockets: 2, Channels: 1}).Run(t.Context(), to); err == nil {
		t.Error("an unknown key is no error")
	}
}

func TestScenarios_NobodyThereIsAnError(t *testing.T) {
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	to := Target{Host: address, AppID: "a", Key: "k", Secret: "s"}
	if _, err := (Idle{Sockets: 2, Channels: 1}).Run(t.Context(), to); err == nil {
		t.Error("no server is no error")
	}
	// HTTP alone: the load gives up instead of spinning.
	r, err := Trigger{Callers: 2, Channels: 1, Size: 50, Duration: short}.Run(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	positive(t, r, "refused")
}

func TestRecovery(t *testing.T) {
	measured(t, func(d time.Duration) Scenario {
		return Recovery{Sockets: 40, Channels: 3, Missed: 20, Size: 200, Rate: 200, Callers: 2, Warmup: short, After: d}
	}, "connected and subscribed", "dial to recovered p50", "live events p99", "events")
}

// A history that is too short: the server refuses, and what is lost is counted.
func TestRecovery_MoreMissedThanKept_IsRefusedAndLost(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Leaks: true, Apps: []apps.App{testkit.App(func(a *apps.App) {
		a.History = []apps.HistoryRule{{Channels: "bench-*", Events: 10, TTL: time.Hour}}
	})}})
	w := Recovery{Sockets: 4, Channels: 1, Missed: 20, Size: 200, Rate: 200, Callers: 1, After: short}
	r, err := w.Run(t.Context(), Target{Host: s.Addr, AppID: "app-id", Key: "app-key", Secret: "app-secret", PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	if refused, lost := r.Value("recoveries refused"), r.Value("lost"); refused != 4 || lost < 4*20 {
		t.Errorf("%v recoveries refused, %v events lost", refused, lost)
	}
}

func TestRecovery_WithoutHistory_SaysWhatIsMissing(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Leaks: true, Apps: []apps.App{testkit.App()}})
	w := Recovery{Sockets: 4, Channels: 1, Missed: 20, Size: 200, Rate: 200, Callers: 1}
	_, err := w.Run(t.Context(), Target{Host: s.Addr, AppID: "app-id", Key: "app-key", Secret: "app-secret"})
	if err == nil || !strings.Contains(err.Error(), `a rule for "bench-recovery-*"`) {
		t.Errorf("%v", err)
	}
}
