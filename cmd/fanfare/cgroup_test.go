package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kernel writes files as the kernel has them, by their paths below a folder, and
// returns the folder.
func kernel(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCgroupMemory_WhatCannotBeTakenBack(t *testing.T) {
	const (
		statV1 = "cache 900\nactive_file 1\ntotal_active_file 200\ntotal_inactive_file 300\n"
		statV2 = "anon 100\nfile 500\nactive_file 200\ninactive_file 300\nsock 77\n"
	)
	for name, tt := range map[string]struct {
		groups, mount string // of the mount: root, point below the folder, type and options
		files         map[string]string
		want          int64
	}{
		"version 2": {
			"0::/system.slice/fanfare.service\n", "/ /sys - cgroup2 cgroup2 rw",
			map[string]string{"sys/system.slice/fanfare.service/memory.current": "1000\n", "sys/system.slice/fanfare.service/memory.stat": statV2},
			500,
		},
		"version 2, in a container": {
			"0::/\n", "/ /sys - cgroup2 cgroup2 rw",
			map[string]string{"sys/memory.current": "1000\n", "sys/memory.stat": statV2},
			500,
		},
		"version 2, in a container that sees its path outside": {
			"0::/docker/abc\n", "/docker/abc /sys - cgroup2 cgroup2 rw",
			map[string]string{"sys/memory.current": "1000\n", "sys/memory.stat": statV2},
			500,
		},
		"version 1, which counts TCP apart": {
			"4:memory:/docker/abc\n0::/\n", "/ /sys/memory - cgroup cgroup rw,memory",
			map[string]string{
				"sys/memory/docker/abc/memory.usage_in_bytes": "1000\n", "sys/memory/docker/abc/memory.stat": statV1,
				"sys/memory/docker/abc/memory.kmem.tcp.usage_in_bytes": "40\n",
			},
			540,
		},
		"the root, which counts nothing": {
			"0::/\n", "/ /sys - cgroup2 cgroup2 rw", map[string]string{"sys/memory.stat": statV2}, 0,
		},
		"no group": {"", "/ /sys - cgroup2 cgroup2 rw", map[string]string{"sys/memory.current": "1000\n", "sys/memory.stat": statV2}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			root := kernel(t, tt.files)
			self := kernel(t, map[string]string{
				"cgroup": tt.groups,
				"mountinfo": "21 1 0:20 / /proc rw - proc proc rw\n" +
					"30 23 0:26 " + mountAt(tt.mount, root) + "\n",
			})
			if got := findCgroupMemory(self).taken(); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
	if got := findCgroupMemory(t.TempDir()).taken(); got != 0 {
		t.Errorf("on a system without cgroups: %d", got)
	}
}

// mountAt is the rest of a line of mountinfo, its mount point below a folder.
func mountAt(mount, root string) string {
	of, rest, _ := strings.Cut(mount, " ")
	point, kind, _ := strings.Cut(rest, " ")
	return of + " " + filepath.Join(root, point) + " rw,relatime " + kind
}
