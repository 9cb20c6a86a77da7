package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// cgroupMemory is the memory of the cgroup that the process is in, of version 1
// or 2: the kernel's limit is for all of it, of which the Go runtime knows its own
// part alone. Buffers of sockets are another.
type cgroupMemory struct {
	usage string   // file with the bytes in use
	stat  string   // file with what they are
	cache []string // names in stat of what the kernel takes back at need
	tcp   string   // file with the bytes of TCP that version 1 counts apart; "" of version 2
}

// findCgroupMemory finds it by what /proc/self says, in a folder that is /proc/self
// but in tests; nil if there is none.
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
		// A container sees its group as the root of the mount, by one name or another.
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

// groupOf is the path of the group that counts memory, and whether it is one of
// version 1, which counts where it is there.
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

// taken is how many bytes of the limit are taken and cannot be taken back; 0 if
// that is not known.
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

// number is the number in a file; 0 if there is none.
func number(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
