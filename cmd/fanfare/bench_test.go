package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"fanfare/bench"
	"fanfare/bench/report"
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

func TestBench_Scenario(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("the benchmark's client runs on Linux only")
		return
	}
	r := start(t, nil)
	host := strings.TrimPrefix(r.at.base(), "http://")
	out, err := execute(t, "bench", "fanout", "--host", host, "--sockets", "10", "--warmup", "50ms", "--duration", "100ms", "--format", "json")
	if err != nil {
		t.Fatal(err)
	}
	var d report.Document
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if len(d.Results) != 1 || d.Results[0].Value("deliveries") <= 0 || d.Results[0].Value("lost") != 0 {
		t.Errorf("%s", out)
	}
}

func TestBench_ImpossibleSettingsAreErrors(t *testing.T) {
	for _, line := range []string{
		"bench fanout --sockets 0",
		"bench fanout --callers 0",
		"bench idle --channels 0",
		"bench idle --open-rate -1",
		"bench trigger --callers 0",
		"bench client-events --room 1",
		"bench client-events --room 10 --sockets 5",
		"bench presence --room 0",
		"bench churn --rate 0",
		"bench bare --threads 0",
		"bench cluster --rate 0",
		"bench cluster --joins 1",
		"bench cluster --nodes 2",
		"bench cluster --runs 0",
		"bench cluster --parts speed",
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
