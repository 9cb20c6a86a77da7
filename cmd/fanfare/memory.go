package main

import (
	"context"
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"fanfare/internal/account"
)

const (
	// cgroupShare is the part of the cgroup's limit that the Go runtime may use.
	// The rest is for memory that the runtime does not count, mainly socket
	// buffers of the kernel.
	cgroupShare = 90 // percent
	// highWaterShare is the part of the runtime's limit above which the server
	// refuses new work. The rest is for garbage and for the connected clients.
	highWaterShare = 75 // percent
)

// cgroupLimit returns how many bytes of the cgroup's memory limit the Go runtime
// may use; math.MaxInt64 without a limit.
func cgroupLimit() int64 {
	limit, err := memlimit.FromCgroup()
	if err != nil || limit == 0 || limit > math.MaxInt64/cgroupShare {
		return math.MaxInt64
	}
	return int64(limit) / 100 * cgroupShare
}

// highWater returns the number of bytes in use above which the server refuses new
// work, for a memory limit of the Go runtime; 0 means no bound.
func highWater(limit int64) int64 {
	if limit == math.MaxInt64 {
		return 0
	}
	return limit / 100 * highWaterShare
}

// memoryWatch measures the memory in use once a second for the account. It logs
// when memory becomes short or sufficient, and gives memory that is not needed
// back to the system.
type memoryWatch struct {
	account *account.Account
	log     *slog.Logger
	inUse   func() int64
	collect func() // as runtime.GC
	release func() // as debug.FreeOSMemory
	taken   func() (bytes int64, collections uint64)
	outside *outside // nil without a cgroup's limit

	beside    int64 // bytes taken outside of the runtime at the last look
	short     bool
	collected time.Time

	least, most int64     // lowest and highest number of bytes taken since the last release
	cycles      uint64    // collections at the last look
	since       time.Time // time of the last change of cycles, or of the last release
	before      int64     // bytes taken at the last comparison
	compared    time.Time // time of the last comparison
}

func newMemoryWatch(a *account.Account, log *slog.Logger, o *outside) *memoryWatch {
	m := newMemoryMeter()
	return &memoryWatch{account: a, log: log, inUse: m.inUse, collect: runtime.GC, release: debug.FreeOSMemory, taken: m.taken, outside: o}
}

func (w *memoryWatch) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			w.look(now)
		}
	}
}

// collectPause is the minimum time between two collections that look starts.
// giveBack compares over the same time.
const collectPause = 10 * time.Second

func (w *memoryWatch) look(now time.Time) {
	most := w.account.Most()
	if most == 0 {
		w.account.Measure(0)
	} else {
		beside, fromRuntime := w.outside.look()
		w.beside = beside
		w.account.Measure(w.inUse() + fromRuntime)
		// The heap counts as it was after the last collection. A server that
		// refuses new work may not need the next one for a long time.
		if w.account.Measured() > most && w.account.Bytes() <= most && now.Sub(w.collected) >= collectPause {
			w.collected = now
			w.collect()
			w.account.Measure(w.inUse() + fromRuntime)
		}
	}
	if short := w.account.Full(); short != w.short {
		w.short = short
		w.tell(most)
		if !short {
			w.release()
		}
	}
	w.giveBack(now)
}

const (
	// worthReleasing is the minimum change, in bytes, for which giveBack releases
	// memory.
	worthReleasing = 4 << 20
	// cheapRelease is the number of taken bytes for which a release costs next to
	// nothing.
	cheapRelease = 64 << 20
)

// giveBack releases memory to the system in two cases:
//
//   - The collector is idle. There was no collection for a collectPause, and the
//     process has taken at least half as much again as its minimum since the last
//     release. This happens when many clients have left: their garbage is less than
//     what the next collection waits for.
//   - A peak is over. The process has taken clearly less than its maximum since the
//     last release, and during the last collectPause this did not fall by more than
//     an eighth. What remains of the peak lies between memory in use. If the
//     process has much more than cheapRelease, it must have fallen to about half of
//     the maximum.
func (w *memoryWatch) giveBack(now time.Time) {
	bytes, collections := w.taken()
	w.least, w.most = min(w.least, bytes), max(w.most, bytes)
	if collections != w.cycles || w.since.IsZero() {
		w.cycles, w.since = collections, now
	}
	fallen := false
	if now.Sub(w.compared) >= collectPause {
		fallen = bytes >= w.before-w.before/8 && w.most-bytes >= max(worthReleasing, bytes-cheapRelease)
		w.before, w.compared = bytes, now
	}
	idle := now.Sub(w.since) >= collectPause && bytes-w.least >= max(worthReleasing, w.least/2)
	if !fallen && !idle {
		return
	}
	w.release()
	w.least, w.cycles = w.taken()
	w.most, w.since = w.least, now
}

func (w *memoryWatch) tell(most int64) {
	attrs := []any{
		slog.Int64("in_use", w.account.Measured()), slog.Int64("held", w.account.Bytes()), slog.Int64("high_water", most),
		slog.Int64("outside", w.beside),
	}
	if !w.short {
		w.log.Info("memory is sufficient again; new connections are accepted", attrs...)
		return
	}
	w.log.Warn("memory is short: new connections, request bodies and subscriptions are refused",
		append(attrs, slog.String("reason", "memory"), slog.String("largest", w.largest()))...)
}

// largest returns the kind of holders with the most bytes, or "outside" if the
// memory outside of the runtime has more.
func (w *memoryWatch) largest() string {
	k := account.Kind(0)
	for i := range account.Kinds {
		if other := account.Kind(i); w.account.BytesOf(other) > w.account.BytesOf(k) {
			k = other
		}
	}
	if w.beside > w.account.BytesOf(k) {
		return "outside"
	}
	return k.String()
}

// memoryMeter reads how much memory the process needs.
type memoryMeter struct{ samples []metrics.Sample }

// The samples that the meter reads. The heap counts as it was after the last
// collection, because memory that was allocated since may be garbage.
const (
	memTotal = iota
	memReleased
	memFree
	memObjects
	memLive
	memCollections
)

func newMemoryMeter() *memoryMeter {
	return &memoryMeter{samples: []metrics.Sample{
		memTotal:    {Name: "/memory/classes/total:bytes"},
		memReleased: {Name: "/memory/classes/heap/released:bytes"},
		memFree:     {Name: "/memory/classes/heap/free:bytes"},
		memObjects:  {Name: "/memory/classes/heap/objects:bytes"},
		memLive:     {Name: "/gc/heap/live:bytes"},

		memCollections: {Name: "/gc/cycles/total:gc-cycles"},
	}}
}

func (m *memoryMeter) inUse() int64 {
	metrics.Read(m.samples)
	of := func(i int) int64 { return int64(m.samples[i].Value.Uint64()) }
	return of(memTotal) - of(memReleased) - of(memFree) - of(memObjects) + min(of(memLive), of(memObjects))
}

// taken returns how many bytes the process has from the system, and how many
// collections there were.
func (m *memoryMeter) taken() (bytes int64, collections uint64) {
	metrics.Read(m.samples)
	of := func(i int) uint64 { return m.samples[i].Value.Uint64() }
	return int64(of(memTotal) - of(memReleased)), of(memCollections)
}
