//go:build hostile && linux

package hostile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// memory is what a server may have, in bytes.
const memory = 256 << 20

// cage bounds the memory of a server, and its share of the processor where a
// test asks for it: control groups where this process may make them, otherwise
// a limit of the Go runtime and a watch on the resident memory.
type cage struct {
	memory  string // folder of the control group; "" is none
	unified bool   // it is of version 2
	cpu     string // folder of the group for the processor; "" is none
}

// String says by what the memory is bounded.
func (c *cage) String() string {
	if c.memory == "" {
		return "GOMEMLIMIT and a watch on the resident memory"
	}
	return "a control group"
}

// newCage makes the groups. cores is the share of the processor, 0 for all.
func newCage(t *testing.T, cores float64) *cage {
	t.Helper()
	name := fmt.Sprintf("fanfare-hostile-%d-%d", os.Getpid(), time.Now().UnixNano())
	c := &cage{}
	bound := strconv.Itoa(memory)
	switch {
	case make1("/sys/fs/cgroup/memory/"+name, "memory.limit_in_bytes", bound):
		c.memory = "/sys/fs/cgroup/memory/" + name
	case make1("/sys/fs/cgroup/"+name, "memory.max", bound):
		c.memory, c.unified = "/sys/fs/cgroup/"+name, true
		_ = os.WriteFile(c.memory+"/memory.swap.max", []byte("0"), 0)
	}
	const period = 100_000 // microseconds, the kernel's default
	quota := strconv.Itoa(int(cores * period))
	switch {
	case cores == 0:
	case c.unified && os.WriteFile(c.memory+"/cpu.max", []byte(quota), 0) == nil:
	case make1("/sys/fs/cgroup/cpu/"+name, "cpu.cfs_quota_us", quota):
		c.cpu = "/sys/fs/cgroup/cpu/" + name
	default:
		t.Logf("the server has the whole machine: no control group for %v of a processor can be made", cores)
	}
	t.Cleanup(func() {
		for _, dir := range []string{c.memory, c.cpu} {
			if dir != "" {
				remove(t, dir)
			}
		}
	})
	return c
}

// make1 makes a group with a bound, or nothing.
func make1(dir, file, bound string) bool {
	if os.Mkdir(dir, 0o755) != nil {
		return false
	}
	if os.WriteFile(filepath.Join(dir, file), []byte(bound), 0) != nil {
		_ = os.Remove(dir)
		return false
	}
	return true
}

// remove removes a group once its last process is gone.
func remove(t *testing.T, dir string) {
	t.Helper()
	for range 100 {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("the control group %s is left", dir)
}

// enter is a shell command by which a process enters the groups.
func (c *cage) enter() string {
	text := ""
	for _, dir := range []string{c.memory, c.cpu} {
		if dir != "" {
			text += "echo $$ > " + dir + "/cgroup.procs && "
		}
	}
	return text
}

// env is for a server in the cage. A control group is found by the server
// itself.
func (c *cage) env() []string {
	if c.memory != "" {
		return nil
	}
	return []string{fmt.Sprint("GOMEMLIMIT=", memory*7/8)}
}

// usage is the memory that the server takes, that of the kernel for it
// included where a control group counts it. Files that the kernel caches are
// left out: it drops them when it wants to.
func (c *cage) usage(pid int) (int64, error) {
	if c.memory == "" {
		return resident(pid)
	}
	current, cached := "memory.usage_in_bytes", "total_cache"
	if c.unified {
		current, cached = "memory.current", "file"
	}
	b, err := os.ReadFile(filepath.Join(c.memory, current))
	if err != nil {
		return 0, err
	}
	used, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil {
		return 0, err
	}
	stat, err := os.ReadFile(filepath.Join(c.memory, "memory.stat"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(stat)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == cached {
			n, err := strconv.ParseInt(value, 10, 64)
			return used - n, err
		}
	}
	return 0, fmt.Errorf("%s/memory.stat has no %s", c.memory, cached)
}

// resident is the anonymous resident memory of a process.
func resident(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, syscall.ESRCH // a process that has ended has no memory
}
