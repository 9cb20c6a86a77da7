package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/bench"
	"fanfare/bench/report"
	"fanfare/internal/testkit/deadline"
)

// fewSockets is a run of bench million that is small. What it starts is kept in
// started, with mu.
func fewSockets(t *testing.T, mu *sync.Mutex, started *[]*exec.Cmd) bench.Million {
	t.Helper()
	kept := func(command func(args ...string) (*exec.Cmd, error)) func(args ...string) (*exec.Cmd, error) {
		return func(args ...string) (*exec.Cmd, error) {
			cmd, err := command(args...)
			mu.Lock()
			defer mu.Unlock()
			*started = append(*started, cmd)
			return cmd, err
		}
	}
	return bench.Million{
		Sockets: 300, Nodes: 3, Events: 2, Size: 50, Activity: 10 * time.Minute, Bare: true, Timeout: 10 * deadline.Long, Progress: &bytes.Buffer{},
		Server: kept(asSubcommand(t, "serve")), Audience: kept(asSubcommand(t, "bench", audienceName)), Writer: kept(asSubcommand(t, "bench", bareWriterName)),
	}
}

// reaped fails unless all processes have ended and were waited for.
func reaped(t *testing.T, started []*exec.Cmd, least int) {
	t.Helper()
	if len(started) < least {
		t.Errorf("%d processes were started, want %d at least", len(started), least)
	}
	for _, cmd := range started {
		if cmd.ProcessState == nil {
			t.Errorf("%v is left", cmd.Process)
		}
	}
}

func TestBenchMillion_AFewSockets(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Log("the benchmark's client runs on Linux only")
		return
	}
	var mu sync.Mutex
	var started []*exec.Cmd
	w := fewSockets(t, &mu, &started)
	results, figures, err := w.Run(t.Context())
	if err != nil {
		t.Fatalf("%v after\n%s", err, w.Progress)
	}
	reaped(t, started, 3+1+3+1)
	if bench.Inexact(results) {
		t.Errorf("not exact: %+v", results)
	}
	for _, want := range []struct{ scenario, metric string }{
		{"connect and subscribe", "connected and subscribed"},
		{"connect and subscribe", "nodes' memory"},
		{"one event to all", "event to the last socket after"},
		{"a node is killed", "channels exact on all others after"},
		{"bare write(2) loops", "frame to the last socket after"},
	} {
		found := false
		for _, r := range results {
			found = found || r.Scenario == want.scenario && r.Value(want.metric) > 0
		}
		if !found {
			t.Errorf("no %s of %s in %+v", want.metric, want.scenario, results)
		}
	}
	for _, f := range figures {
		if f.Target != "" && !f.Met {
			t.Errorf("%s: %s, and not %s", f.Name, f.Measured, f.Target)
		}
	}
	var picture bytes.Buffer
	if err := bench.DrawMillion(&picture, results); err != nil || !strings.Contains(picture.String(), "300 sockets") {
		t.Errorf("%v: %s", err, picture.String())
	}
}

// interrupting cancels a run when a line of its progress has a part.
type interrupting struct {
	part   string
	cancel context.CancelFunc
}

func (w interrupting) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(w.part)) {
		w.cancel()
	}
	return len(b), nil
}

func TestBenchMillion_Interrupted_EndsWhatItStarted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Log("the benchmark's client runs on Linux only")
		return
	}
	for part, least := range map[string]int{"sockets come": 4, "a node is killed": 4} {
		var mu sync.Mutex
		var started []*exec.Cmd
		w := fewSockets(t, &mu, &started)
		ctx, cancel := context.WithCancel(t.Context())
		w.Progress = interrupting{part, cancel}
		if _, _, err := w.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%q: ended with %v", part, err)
		}
		cancel()
		reaped(t, started, least)
	}
}

func TestBenchMillion_DrawsWhatItPrinted(t *testing.T) {
	folder := t.TempDir()
	file, svg := filepath.Join(folder, "million.json"), filepath.Join(folder, "million.svg")
	rising := [][2]float64{{0, 0}, {1, 7000}}
	var printed bytes.Buffer
	var curves []report.Curve
	for _, name := range []string{"subscribed", "nodes", "fanfare"} {
		curves = append(curves, report.Curve{Name: name, Points: rising})
	}
	if err := report.WriteJSON(&printed, time.Now(), []report.Result{{Curves: curves}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, printed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := execute(t, "bench", "million", "--draw", file, "--svg", svg); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(svg)
	if err != nil || !strings.Contains(string(picture), "7,000 sockets") {
		t.Errorf("%v: %s", err, picture)
	}
	if _, err := execute(t, "bench", "million", "--draw", file); err == nil || !strings.Contains(err.Error(), "--svg") {
		t.Errorf("--draw without --svg: %v", err)
	}
}

// The picture of the manual is what the code draws of the run that is kept beside
// it.
func TestBenchMillion_ThePictureOfTheManualIsOfTheRunBesideIt(t *testing.T) {
	images := filepath.Join("..", "..", "docs", "images")
	text, err := os.ReadFile(filepath.Join(images, "million.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d report.Document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := bench.DrawMillion(&want, d.Results); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(images, "million.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/images/million.svg is another; run: fanfare bench million --draw docs/images/million.json --svg docs/images/million.svg")
	}
}
