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

// The Go runtime gets a share of the cgroup's limit. The rest is for memory that
// it does not count, mainly buffers of the kernel. Above a share of the runtime's
// limit the server refuses new work. The rest is for garbage and for the clients
// that are connected.
const (
	cgroupShare    = 90 // percent
	highWaterShare = 75 // percent
)

// cgroupLimit is the limit of memory that the cgroup leaves to the Go runtime,
// math.MaxInt64 if there is none.
func cgroupLimit() int64 {
	limit, err := memlimit.FromCgroup()
	if err != nil || limit == 0 || limit > math.MaxInt64/cgroupShare {
		return math.MaxInt64
	}
	return int64(limit) / 100 * cgroupShare
}

// highWater is the number of bytes in use above which the server refuses new
// work, given the limit of the Go runtime; 0 is no bound.
func highWater(limit int64) int64 {
	if limit == math.MaxInt64 {
		return 0
	}
	return limit / 100 * highWaterShare
}

// memoryWatch measures the memory in use once a second for the account, and logs
// when it is short.
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

	least, most int64     // that was taken since memory was given back last
	cycles      uint64    // collections at the last look
	since       time.Time // when there was one
	before      int64     // that was taken a collectPause ago
	compared    time.Time // when that was
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

// collectPause is the least time between two collections that are asked for.
const collectPause = 10 * time.Second

func (w *memoryWatch) look(now time.Time) {
	most := w.account.Most()
	if most == 0 {
		w.account.Measure(0)
	} else {
		beside, fromRuntime := w.outside.look()
		w.beside = beside
		w.account.Measure(w.inUse() + fromRuntime)
		// What is in use was measured by the last collection, which a server that
		// lets nothing in may long not need.
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

// worthReleasing is how much more must be taken than before, and by half at
// that, for memory to be given back; cheapRelease is how much may be in use for
// that to cost next to nothing.
const (
	worthReleasing = 4 << 20
	cheapRelease   = 64 << 20
)

// giveBack gives memory back to the system in two cases. The collector has
// nothing to do: many have left, and their garbage is less than what the next
// collection waits for. Or there was a crowd: what the process takes has fallen and
// falls no more, and what is left of the crowd lies between what is in use. Where
// much is in use, it must have fallen to about half.
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

// largest is the kind of holders that take the most, or "outside" of what is
// outside of the runtime.
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

// What the meter reads. The heap counts as the last collection left it: what
// has been allocated since may be garbage.
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

// taken is what the process has of the system, and how often it has collected.
func (m *memoryMeter) taken() (bytes int64, collections uint64) {
	metrics.Read(m.samples)
	of := func(i int) uint64 { return m.samples[i].Value.Uint64() }
	return int64(of(memTotal) - of(memReleased)), of(memCollections)
}
