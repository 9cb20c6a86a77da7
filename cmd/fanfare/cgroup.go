package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// cgroupMemory reads the memory in use of the process's cgroup, version 1 or 2.
// The kernel's limit applies to all of it. The Go runtime knows only its own part;
// socket buffers, for example, count too.
type cgroupMemory struct {
	usage string   // path of the file with the bytes in use
	stat  string   // path of the file with what the bytes are used for
	cache []string // names in stat of memory that the kernel can reclaim
	tcp   string   // path of the file with TCP's bytes, which version 1 counts separately; "" for version 2
}

// findCgroupMemory finds the cgroup in the folder self, which is /proc/self except
// in tests; nil if there is none.
func findCgroupMemory(self string) *cgroupMemory {
	groups, err := os.ReadFile(filepath.Join(self, "cgroup"))
	if err != nil {
		return nil
	}
	mounts, err := os.ReadFile(filepath.Join(self, "mountinfo"))
	if err != nil {
		return nil
	}
	path, first, ok := groupOf(string(groups))
	if !ok {
		return nil
	}
	for line := range strings.Lines(string(mounts)) {
		head, tail, _ := strings.Cut(line, " - ")
		at, of := strings.Fields(head), strings.Fields(tail)
		if len(at) < 5 || len(of) < 3 {
			continue
		}
		if first && (of[0] != "cgroup" || !slices.Contains(strings.Split(of[2], ","), "memory")) || !first && of[0] != "cgroup2" {
			continue
		}
		// In a container, the group may be the root of the mount and have a path
		// that does not exist below it.
		within, ok := strings.CutPrefix(path, strings.TrimSuffix(at[3], "/"))
		if !ok {
			within = path
		}
		for _, dir := range []string{filepath.Join(at[4], within), at[4]} {
			if m := memoryIn(dir, first); m.taken() > 0 {
				return m
			}
		}
	}
	return nil
}

// groupOf returns the path of the group that limits memory, and whether it is of
// version 1, which takes precedence where both exist.
func groupOf(groups string) (path string, first, ok bool) {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) < 3:
		case slices.Contains(strings.Split(parts[1], ","), "memory"):
			return parts[2], true, true
		case parts[0] == "0" && parts[1] == "":
			path, ok = parts[2], true
		}
	}
	return path, false, ok
}

func memoryIn(dir string, first bool) *cgroupMemory {
	if first {
		return &cgroupMemory{
			usage: filepath.Join(dir, "memory.usage_in_bytes"), stat: filepath.Join(dir, "memory.stat"),
			cache: []string{"total_active_file", "total_inactive_file"}, tcp: filepath.Join(dir, "memory.kmem.tcp.usage_in_bytes"),
		}
	}
	return &cgroupMemory{
		usage: filepath.Join(dir, "memory.current"), stat: filepath.Join(dir, "memory.stat"),
		cache: []string{"active_file", "inactive_file"},
	}
}

// taken returns how many bytes of the limit are in use and cannot be reclaimed; 0
// if that is unknown.
func (m *cgroupMemory) taken() int64 {
	if m == nil {
		return 0
	}
	n := number(m.usage)
	if n > 0 && m.tcp != "" {
		n += number(m.tcp)
	}
	stat, err := os.ReadFile(m.stat)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(stat) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if slices.Contains(m.cache, name) {
			cached, _ := strconv.ParseInt(value, 10, 64)
			n -= cached
		}
	}
	return max(n, 0)
}

// number returns the number in a file; 0 if it cannot be read.
func number(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
