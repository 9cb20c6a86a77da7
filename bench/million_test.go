package bench

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fanfare/bench/report"
)

func TestNodesFor(t *testing.T) {
	for _, tt := range []struct{ sockets, files, want int }{
		{1_000_000, 20_000, 54},
		{40_000, 20_000, 3},
		{40_000, 1024, 43},
		{1_000_000, 1_048_576, 3},
		{10, 3, 10},
	} {
		if got := nodesFor(tt.sockets, tt.files); got != tt.want {
			t.Errorf("%d sockets with %d files: %d nodes, want %d", tt.sockets, tt.files, got, tt.want)
		}
	}
}

func TestOf_SharesOfServersAreAll(t *testing.T) {
	for _, tt := range [][2]int{{10, 3}, {9, 3}, {2, 3}, {1_000_000, 54}} {
		counts := make([]int, tt[1])
		for i := range tt[0] {
			counts[i%tt[1]]++
		}
		for i, want := range counts {
			if got := of(tt[0], tt[1], i); got != want {
				t.Errorf("%d sockets, server %d of %d: %d, want %d", tt[0], i, tt[1], got, want)
			}
		}
	}
}

func TestSourceOf_ProcessesShareNoAddress(t *testing.T) {
	seen := map[netip.Addr]int{}
	for process := range 1000 {
		for _, socket := range []int{0, portsPerAddress - 1, portsPerAddress} {
			a := sourceOf(process, socket)
			if !a.IsLoopback() {
				t.Fatalf("process %d, socket %d: %s", process, socket, a)
			}
			seen[a]++
		}
	}
	if len(seen) != 2000 {
		t.Errorf("%d addresses, want two for each process", len(seen))
	}
}

func TestThinned_KeepsBothEnds(t *testing.T) {
	var samples []memorySample
	for i := range int64(1000) {
		samples = append(samples, memorySample{slab: i})
	}
	some := thinned(samples, 80)
	if len(some) != 80 || some[0].slab != 0 || some[79].slab != 999 {
		t.Errorf("%d samples, from %d to %d", len(some), some[0].slab, some[len(some)-1].slab)
	}
	if few := thinned(samples[:5], 80); len(few) != 5 {
		t.Errorf("%d of 5 samples", len(few))
	}
}

func TestTypical_IsNextToTheMedian(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   int
	}{{[]float64{3}, 0}, {[]float64{9, 1, 4, 5, 5.1}, 3}, {[]float64{1, 2}, 0}} {
		if got := typical(tt.values); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.values, got, tt.want)
		}
	}
}

func TestMillion_MoreThanTheMachineHas_IsRefusedBeforeAnythingRuns(t *testing.T) {
	if _, err := readMachineMemory(); err != nil {
		t.Logf("no memory to be read here: %v", err)
		return
	}
	_, _, err := Million{Sockets: 10, Least: 1 << 60, Timeout: time.Minute}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "must remain") {
		t.Errorf("error %v", err)
	}
}

func TestGauge_EndsTheRunBeforeMemoryIsGone(t *testing.T) {
	if _, err := readMachineMemory(); err != nil {
		t.Logf("no memory to be read here: %v", err)
		return
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	g, err := startGauge(1<<60, cancel)
	if err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	g.stop()
	if err := context.Cause(ctx); err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "must remain") {
		t.Errorf("ended with %v", err)
	}
	if g.lowestAvailable() <= 0 || len(g.taken(time.Time{})) == 0 {
		t.Errorf("lowest %d, %d samples", g.lowestAvailable(), len(g.taken(time.Time{})))
	}
}

func TestMachineMemory_SlabOfSocketsIsNotLeft(t *testing.T) {
	before := machineMemory{Available: 20, Reclaimable: 3}
	if got := (machineMemory{Available: 15, Reclaimable: 7}).left(before); got != 11 {
		t.Errorf("%d left, want 11", got)
	}
	if got := (machineMemory{Available: 21, Reclaimable: 2}).left(before); got != 21 {
		t.Errorf("%d left, want 21", got)
	}
}

func TestInexact(t *testing.T) {
	var good report.Result
	good.Add("lost", "", 0)
	good.Add("members told wrong", "", 0)
	if Inexact([]report.Result{good}) {
		t.Error("a clean run is not exact")
	}
	for _, name := range []string{"lost", "duplicated", "reordered", "sockets closed by the server", "members told wrong", "members told twice"} {
		var bad report.Result
		bad.Add(name, "", 1)
		if !Inexact([]report.Result{good, bad}) {
			t.Errorf("exact with one %s", name)
		}
	}
	if !Inexact([]report.Result{{Problems: []string{"2 s later: …"}}}) {
		t.Error("exact with a problem")
	}
}

func TestDrawMillion(t *testing.T) {
	rising := [][2]float64{{0, 0}, {1, 1000}}
	var out bytes.Buffer
	results := []report.Result{
		{Curves: []report.Curve{{Name: curveSockets, Points: rising}}},
		{Curves: []report.Curve{{Name: curveDeliveries, Points: rising}}},
		{Curves: []report.Curve{{Name: curveKernel, Points: rising}, {Name: curveNodes, Points: rising}}},
	}
	if err := DrawMillion(&out, results); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1,000 sockets", curveKernel, curveNodes, "fanfare"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if err := DrawMillion(&out, results[1:]); err == nil {
		t.Error("a run without sockets is drawn")
	}
}
