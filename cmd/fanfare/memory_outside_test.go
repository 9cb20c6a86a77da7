package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"fanfare/channels"
	"fanfare/config"
	"fanfare/internal/testkit/logbook"
)

// fakeGroup is a cgroup with a limit of 1000 bytes, of which the runtime may have
// 900 and has 400.
type fakeGroup struct {
	*outside
	inUse, limit int64
	most         atomic.Int64
}

func newFakeGroup() *fakeGroup {
	g := &fakeGroup{limit: 900}
	g.most.Store(900)
	g.outside = &outside{
		taken: func() int64 { return g.inUse }, limit: 1000, most: &g.most,
		own: func() (int64, uint64) { return 400, 0 },
		set: func(n int64) int64 {
			was := g.limit
			if n >= 0 {
				g.limit = n
			}
			return was
		},
	}
	return g
}

func TestOutside_WhatIsBeyondItsShareIsTheRuntimes(t *testing.T) {
	g := newFakeGroup()
	for _, tt := range []struct{ inUse, taken, fromRuntime, limit int64 }{
		{0, 0, 0, 900},     // not known, or less than the runtime says
		{500, 100, 0, 900}, // its share
		{505, 105, 5, 900}, // too little to change the limit for
		{800, 400, 300, 600},
		{990, 590, 490, 450}, // the runtime keeps half
		{500, 100, 0, 900},
	} {
		g.inUse = tt.inUse
		if taken, fromRuntime := g.look(); taken != tt.taken || fromRuntime != tt.fromRuntime || g.limit != tt.limit {
			t.Errorf("%d in use: %d outside, %d of them from the runtime, whose limit is %d; want %+v", tt.inUse, taken, fromRuntime, g.limit, tt)
		}
	}
}

// Who wants no limit, or one that the cgroup does not bear, has said so.
func TestOutside_NoLimitOfTheRuntime(t *testing.T) {
	g := newFakeGroup()
	g.inUse = 1000
	for _, most := range []int64{math.MaxInt64, 1001} {
		g.most.Store(most)
		if taken, fromRuntime := g.look(); taken != 0 || fromRuntime != 0 || g.limit != 900 {
			t.Errorf("under a limit of %d: %d, %d, a limit of %d", most, taken, fromRuntime, g.limit)
		}
	}
	var none *outside
	if taken, fromRuntime := none.look(); taken != 0 || fromRuntime != 0 {
		t.Errorf("without a cgroup: %d, %d", taken, fromRuntime)
	}
}

// When the kernel's buffers take the cgroup's memory, nothing new is let in, and
// the client, the log and the metrics say why.
func TestMemory_OutsideOfTheRuntime_NewSocketsAreRefused(t *testing.T) {
	const mib = 1 << 20
	dir := t.TempDir()
	inUse := func(bytes int) {
		text := fmt.Sprintf("%d\n", bytes)
		if err := os.WriteFile(filepath.Join(dir, "next"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "memory.current")); err != nil {
			t.Fatal(err)
		}
	}
	inUse(150 * mib)
	if err := os.WriteFile(filepath.Join(dir, "memory.stat"), []byte("active_file 0\ninactive_file 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	cfg := config.Defaults()
	cfg.Listen, cfg.Metrics.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Runtime.MemoryLimit = "900MiB"
	b := logbook.New(slog.LevelInfo)
	s, err := newServer(&cfg, b.Logger)
	if err != nil {
		t.Fatal(err)
	}
	s.outside = &outside{
		taken: memoryIn(dir, false).taken, limit: 1000 * mib, most: &s.memoryLimit,
		own: func() (int64, uint64) { return 50 * mib, 0 }, set: func(int64) int64 { return 900 * mib },
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{server: s, stop: stop, end: make(chan error, 1)}
	r.at, _ = s.addresses()
	go func() { r.end <- s.run(ctx) }()
	defer func() {
		stop()
		if err := r.ended(t); err != nil {
			t.Error(err)
		}
	}()

	old := r.connect(t)
	inUse(900 * mib)
	b.Expect(t, "level=WARN", `msg="memory is short: new connections, request bodies and subscriptions are refused"`,
		"reason=memory", fmt.Sprintf("outside=%d", 850*mib), "largest=outside")
	dial(t, r.at.base()).expect(`"code":4100,"message":"The server is short of memory, reconnect in a while"`)
	old.ping()
	_, metrics := get(t, "http://"+r.scrapes.Addr().String()+"/metrics")
	for _, want := range []string{
		fmt.Sprintf("fanfare_refusals_total{app=\"app-id\",code=\"4100\",reason=%q} 1", channels.ReasonMemory), "fanfare_memory_short 1",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}

	inUse(150 * mib)
	b.Expect(t, "level=INFO", `msg="memory is sufficient again; new connections are accepted"`)
	r.connect(t)
}
