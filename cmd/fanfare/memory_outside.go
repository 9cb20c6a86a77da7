package main

import (
	"math"
	"runtime/debug"
	"sync/atomic"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"fanfare/config"
)

// outside measures the memory of the cgroup that the Go runtime does not manage:
// socket buffers and other processes. The runtime's limit leaves a reserve for it.
// If it exceeds the reserve, outside lowers the runtime's limit by the excess, at
// most to half. Otherwise the kernel would kill the process although the runtime
// keeps to its limit. A nil outside measures nothing.
type outside struct {
	taken func() int64           // bytes of the cgroup that cannot be reclaimed
	limit int64                  // of the cgroup, bytes
	most  *atomic.Int64          // the runtime's limit as configured
	own   func() (int64, uint64) // bytes that the runtime has
	set   func(int64) int64      // as debug.SetMemoryLimit
}

// newOutside returns nil if no cgroup has a limit.
func newOutside(most *atomic.Int64) *outside {
	limit, err := memlimit.FromCgroup()
	group := findCgroupMemory("/proc/self")
	if err != nil || limit == 0 || limit > math.MaxInt64 || group == nil {
		return nil
	}
	return &outside{taken: group.taken, limit: int64(limit), most: most, own: newMemoryMeter().taken, set: debug.SetMemoryLimit}
}

// leastRuntimeShare divides the configured limit of the runtime: the quotient is
// the minimum that the runtime keeps.
const leastRuntimeShare = 2

// look returns how many bytes of the cgroup the runtime does not manage, and by
// how many they exceed the reserve. It adjusts the runtime's limit.
func (o *outside) look() (taken, fromRuntime int64) {
	if o == nil {
		return 0, 0
	}
	most := o.most.Load()
	if most > o.limit { // no limit, or one above the cgroup's
		return 0, 0
	}
	own, _ := o.own()
	taken = max(0, o.taken()-own)
	fromRuntime = max(0, taken-(o.limit-most))
	want := max(most-fromRuntime, most/leastRuntimeShare)
	const slack = 100 // changes of less than one part in slack are not made
	if now := o.set(-1); now-want > most/slack || want-now > most/slack || want == most && now != most {
		o.set(want)
	}
	return taken, fromRuntime
}

// limitMemory sets how much memory may be in use, from the configuration.
func (s *server) limitMemory(cfg *config.Config) {
	limit := s.initial.limit(cfg)
	s.memoryLimit.Store(limit)
	s.account.SetMost(highWater(limit))
}
