package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"fanfare/bench"
	"fanfare/bench/report"
	"fanfare/config"
)

// asSubcommand makes processes of this test binary that run a subcommand.
func asSubcommand(t *testing.T, first ...string) func(args ...string) (*exec.Cmd, error) {
	t.Helper()
	return func(args ...string) (*exec.Cmd, error) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = environment(t, nil, append(first[:len(first):len(first)], args...)...)
		cmd.Stderr = t.Output()
		return cmd, nil
	}
}

func TestBenchFigures_Quick(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Log("the benchmark's client runs on Linux only")
		return
	}
	var progress, out bytes.Buffer
	w := bench.Figures{Quick: true, Server: asSubcommand(t, "serve"), Bare: asSubcommand(t, "bench", bareWriterName), Progress: &progress}
	results, figures, err := w.Run(t.Context())
	if err != nil {
		t.Fatalf("%v after\n%s", err, progress.String())
	}
	for _, r := range results {
		for _, name := range []string{"lost", "duplicated", "reordered", "refused"} {
			if v := r.Value(name); v != 0 {
				t.Errorf("%s: %v %s", r.Scenario, v, name)
			}
		}
	}
	if err := report.WriteFigures(&out, figures); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"memory of an idle socket", "shares of", "ratio", "1,000 events/s", "never read"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestBenchCluster_Quick(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Log("the benchmark's client runs on Linux only")
		return
	}
	var progress, out bytes.Buffer
	w := bench.Cluster{
		Quick: true, Rate: 200, Joins: 200, Nodes: 3, Each: 20, Rounds: 1, Progress: &progress,
		Server: asSubcommand(t, "serve"), Crowd: asSubcommand(t, "bench", crowdName), Alone: asSubcommand(t, "bench", aloneName),
	}
	results, figures, err := w.Run(t.Context())
	if err != nil {
		t.Fatalf("%v after\n%s", err, progress.String())
	}
	for _, r := range results {
		for _, name := range []string{"lost", "duplicated", "reordered", "removals lost", "removals too many"} {
			if v := r.Value(name); v != 0 {
				t.Errorf("%s: %v %s", r.Scenario, v, name)
			}
		}
	}
	if err := report.WriteFigures(&out, figures); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"received on the other", "client events/s within a node", "200 events/s in batches of 10", "redis alone", "plain channels come and go",
		"round trips of a join", "200 joins of presence channels at once", "3 nodes × 20 sockets, idle", "removals told",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestBench_ScenariosRunAsCommands(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("the benchmark's client runs on Linux only")
		return
	}
	r := start(t, func(c *config.Config) {
		c.Fallback.OpensPerAddress = 0
		c.Apps[0].History = []config.HistoryRule{{Channels: "bench-recovery-*", Events: 1000, TTL: time.Minute}}
	})
	host := strings.TrimPrefix(r.at.base(), "http://")
	short := []string{"--host", host, "--warmup", "50ms", "--duration", "100ms", "--format", "json"}
	still := []string{"--host", host, "--settle", "50ms", "--hold", "50ms", "--format", "json"}
	for _, tt := range []struct {
		args, with []string
		value      string // that is above 0
	}{
		{[]string{"bench", "fanout", "--sockets", "10"}, short, "deliveries"},
		{[]string{"bench", "fanout", "--sockets", "10", "--channels", "10", "--to", "5"}, short, "deliveries"},
		{[]string{"bench", "fanout", "--sockets", "10", "--batch", "3"}, short, "deliveries"},
		{[]string{"bench", "fanout", "--sockets", "10", "--transport", "polling"}, short, "deliveries"},
		{[]string{"bench", "trigger", "--callers", "2"}, short, "events"},
		{[]string{"bench", "trigger", "--subscribers", "2", "--batch", "3"}, short, "deliveries"},
		{[]string{"bench", "client-events", "--sockets", "4", "--room", "2", "--rate", "10"}, short, "deliveries"},
		{[]string{"bench", "sweep", "--sockets", "4", "--rates", "20,40", "--rest", "10ms"}, short, "deliveries"},
		{[]string{"bench", "idle", "--sockets", "10"}, still, "connected and subscribed"},
		{[]string{"bench", "idle", "--sockets", "10", "--transport", "streaming"}, still, "connected and subscribed"},
		{[]string{"bench", "tls", "--sockets", "10", "--plain"}, still, "connected and subscribed"},
		{[]string{"bench", "parked", "--sessions", "10"}, still, "opened and subscribed"},
		{[]string{"bench", "churn", "--sockets", "10", "--waves", "1", "--after", "50ms"}, []string{"--host", host, "--format", "json"}, "connected and subscribed"},
		{[]string{"bench", "recovery", "--sockets", "10", "--channels", "2", "--warmup", "50ms", "--after", "50ms"}, []string{"--host", host, "--format", "json"}, "dial to recovered p50"},
		{[]string{"bench", "presence", "--sockets", "4", "--room", "2"}, []string{"--host", host, "--format", "json"}, "member_added"},
		{[]string{"bench", "presence", "--sockets", "4", "--room", "4", "--stay", "1", "--at-once"}, []string{"--host", host, "--format", "json"}, "member_removed"},
	} {
		t.Run(tt.args[1], func(t *testing.T) {
			out, err := execute(t, append(tt.args, tt.with...)...)
			if err != nil {
				t.Fatal(err)
			}
			var d report.Document
			if err := json.Unmarshal([]byte(out), &d); err != nil {
				t.Fatalf("%v in\n%s", err, out)
			}
			if len(d.Results) == 0 || d.Results[0].Value(tt.value) <= 0 || d.Results[0].Value("lost") != 0 {
				t.Errorf("no %s, or some are lost, in\n%s", tt.value, out)
			}
		})
	}
}

func TestBenchPlot_DrawsWhatASweepPrinted(t *testing.T) {
	folder := t.TempDir()
	sweep, svg := filepath.Join(folder, "sweep.json"), filepath.Join(folder, "latency.svg")
	const printed = `{"results":[{"scenario":"fanout","metrics":[{"name":"deliveries due","value":20},{"name":"latency p50","value":1},{"name":"latency p99","value":2}]}]}`
	if err := os.WriteFile(sweep, []byte(printed), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := execute(t, "bench", "plot", "--svg", svg, "here="+sweep); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(svg)
	if err != nil || !strings.Contains(string(picture), "<svg") || !strings.Contains(string(picture), "here") {
		t.Errorf("%v: %s", err, picture)
	}
}

func TestBench_ImpossibleSettingsAreErrors(t *testing.T) {
	for _, line := range []string{
		"bench fanout --sockets 0",
		"bench fanout --callers 0",
		"bench idle --channels 0",
		"bench idle --open-rate -1",
		"bench idle --resume",
		"bench idle --transport pigeons",
		"bench idle --ca ca.pem --insecure",
		"bench idle --ca /nowhere/ca.pem",
		"bench idle --protocol sockjs",
		"bench fanout --to 0",
		"bench fanout --channels 10 --to 3",
		"bench fanout --channels 10 --to 5 --batch 2",
		"bench fanout --transport streaming --protocol centrifugo",
		"bench trigger --batch 2",
		"bench presence --room 5 --stay 5",
		"bench trigger --callers 0",
		"bench client-events --room 1",
		"bench client-events --room 10 --sockets 5",
		"bench presence --room 0",
		"bench churn --rate 0",
		"bench recovery --rate 0",
		"bench recovery --missed 0",
		"bench bare --threads 0",
		"bench cluster --rate 0",
		"bench cluster --joins 1",
		"bench cluster --nodes 2",
		"bench cluster --runs 0",
		"bench cluster --parts speed",
		"bench million --sockets 0",
		"bench million --nodes 2",
		"bench million --events 0",
		"bench million --size 20",
		"bench million --spare -1",
	} {
		if _, err := execute(t, strings.Fields(line)...); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}

func TestBench_UnknownFormat_IsRefusedBeforeAnythingRuns(t *testing.T) {
	if _, err := execute(t, "bench", "figures", "--format", "xml"); err == nil || !strings.Contains(err.Error(), `--format is "xml"`) {
		t.Errorf("error %v", err)
	}
}
