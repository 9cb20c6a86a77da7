package main

import (
	"log/slog"
	"math"
	"runtime"
	"testing"
	"time"

	"fanfare/internal/account"
	"fanfare/internal/testkit/logbook"
)

// The cgroup's limit counts where the runtime has none of its own, unless the
// operator wants none.
func TestLimitOfMemory(t *testing.T) {
	for _, c := range []struct {
		own  int64
		env  string
		want int64
	}{
		{math.MaxInt64, "", 900},
		{math.MaxInt64, "off", math.MaxInt64},
		{500, "500B", 500},
	} {
		if got := limitOfMemory(c.own, c.env, func() int64 { return 900 }); got != c.want {
			t.Errorf("limit %d, GOMEMLIMIT=%s: %d, want %d", c.own, c.env, got, c.want)
		}
	}
}

// The line is written once when memory becomes short and once when it is not
// any more, and what is free then goes back to the system.
func TestMemoryWatch_SaysOnceThatMemoryIsShort(t *testing.T) {
	b := logbook.New(slog.LevelInfo)
	a := account.New(1000)
	inUse, released := int64(500), 0
	w := &memoryWatch{account: a, log: b.Logger, inUse: func() int64 { return inUse }, collect: func() {}, release: func() { released++ }, taken: nothingTaken}
	now := time.Now()
	look := func() { now = now.Add(time.Second); w.look(now) }

	look()
	a.Hold(account.Bodies, 2000)
	look()
	look()
	b.Expect(t, "level=WARN", `msg="memory is short: new connections, request bodies and subscriptions are refused"`, "held=2000", "high_water=1000", "largest=bodies")
	a.Release(account.Bodies, 2000)
	inUse = 1001
	look()
	if !a.Full() || released != 0 {
		t.Errorf("by measurement the account is full: %v, released %d times; want true, 0", a.Full(), released)
	}
	inUse = 999
	look()
	look()
	b.Expect(t, "level=INFO", `msg="memory is sufficient again; new connections are accepted"`, "in_use=999")
	if n := b.Count("level=WARN"); n != 1 || released != 1 {
		t.Errorf("%d lines that memory is short, released %d times; want 1, 1", n, released)
	}
}

// What is in use is known since the last collection. If the account says that
// there is room, another one is due, but not all the time.
func TestMemoryWatch_CollectsWhatTheAccountDoesNotHold(t *testing.T) {
	a := account.New(1000)
	inUse, collections := int64(2000), 0
	w := &memoryWatch{
		account: a, log: slog.New(slog.DiscardHandler), inUse: func() int64 { return inUse },
		collect: func() { collections++; inUse = 100 }, release: func() {}, taken: nothingTaken,
	}
	now := time.Now()
	w.look(now)
	if collections != 1 || a.Full() || a.Measured() != 100 {
		t.Errorf("%d collections, full: %v, %d in use; want 1, false, 100", collections, a.Full(), a.Measured())
	}
	inUse = 2000
	w.look(now.Add(collectPause - 1))
	if collections != 1 || !a.Full() {
		t.Errorf("%d collections, full: %v; want 1, true", collections, a.Full())
	}
	w.look(now.Add(collectPause))
	if collections != 2 || a.Full() {
		t.Errorf("%d collections, full: %v; want 2, false", collections, a.Full())
	}
	a.Hold(account.Cache, 1001)
	inUse = 2000
	w.look(now.Add(3 * collectPause))
	if collections != 2 {
		t.Errorf("%d collections of what is held; want none more", collections-2)
	}
}

func nothingTaken() (bytes int64, collections uint64) { return 0, 0 }

// A server that has little to do keeps no garbage: memory is given back once,
// also where it has no limit, and neither for a little nor beside a collector
// that works.
func TestMemoryWatch_GivesBackWhatIsLeftOver(t *testing.T) {
	released, bytes, collections := 0, int64(2<<20), uint64(1)
	w := &memoryWatch{
		account: account.New(0), log: slog.New(slog.DiscardHandler), inUse: func() int64 { return 0 }, collect: func() {},
		release: func() { released++; bytes = 2 << 20; collections++ },
		taken:   func() (int64, uint64) { return bytes, collections },
	}
	now := time.Now()
	look := func(want int, after time.Duration, when string) {
		t.Helper()
		now = now.Add(after)
		if w.look(now); released != want {
			t.Errorf("%s: given back %d times, want %d", when, released, want)
		}
	}
	look(0, time.Second, "at the start")
	look(0, collectPause, "with next to nothing")
	bytes = 100 << 20
	look(1, time.Second, "with much, long after the last collection")
	look(1, collectPause, "with next to nothing again")
	bytes = 100 << 20
	collections++
	look(1, time.Second, "with much, after a collection")
	look(1, collectPause/2, "a little later")
	look(2, collectPause, "long after it")
	bytes += worthReleasing - 1
	look(2, 2*collectPause, "with a little more")
}

// After a crowd has left, memory is given back once also where the collector
// works for those who stay.
func TestMemoryWatch_GivesBackAfterACrowd(t *testing.T) {
	released, bytes, collections := 0, int64(10<<20), uint64(1)
	w := &memoryWatch{
		account: account.New(0), log: slog.New(slog.DiscardHandler), inUse: func() int64 { return 0 }, collect: func() {},
		release: func() { released++; bytes = 10 << 20 },
		taken:   func() (int64, uint64) { return bytes, collections },
	}
	now := time.Now()
	pass := func(want int, seconds int, when string) {
		t.Helper()
		for range seconds {
			now = now.Add(time.Second)
			collections++
			w.look(now)
		}
		if released != want {
			t.Errorf("%s: given back %d times, want %d", when, released, want)
		}
	}
	const span = int(collectPause / time.Second)
	pass(0, 4*span, "at the start")
	bytes = 1000 << 20
	pass(0, 4*span, "with a crowd")
	bytes = 600 << 20
	pass(0, 4*span, "when almost half of it has left")
	for range 5 {
		bytes -= 100 << 20
		pass(0, span, "while they leave")
	}
	pass(1, 2*span, "when nearly all have left")
	bytes = 10<<20 + worthReleasing - 1
	pass(1, 4*span, "with a little more")
	bytes -= worthReleasing - 1
	pass(1, 4*span, "with as much as was left")
	bytes += worthReleasing
	pass(1, 4*span, "with more")
	bytes -= worthReleasing
	pass(2, 4*span, "when that has left")
}

func TestMemoryMeter_SeesWhatIsHeld(t *testing.T) {
	m := newMemoryMeter()
	runtime.GC()
	before := m.inUse()
	const size = 128 << 20
	held := make([]byte, size)
	runtime.GC()
	if more := m.inUse() - before; more < size/2 {
		t.Errorf("%d bytes more are in use while %d are held", more, size)
	}
	runtime.KeepAlive(held)
}

func TestHighWater(t *testing.T) {
	for limit, want := range map[int64]int64{math.MaxInt64: 0, 1000: 750, 256 << 20: 201326550} {
		if got := highWater(limit); got != want {
			t.Errorf("under a limit of %d: %d, want %d", limit, got, want)
		}
	}
}
