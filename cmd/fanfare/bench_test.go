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
