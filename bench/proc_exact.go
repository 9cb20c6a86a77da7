//go:build !windows

package bench

import "github.com/prometheus/procfs"

// exactRSS returns the resident memory of a process in bytes, counted page by page:
// the kernel's quick counters are off by up to several megabytes on machines with
// many processors.
func exactRSS(proc procfs.Proc) (int64, bool) {
	rollup, err := proc.ProcSMapsRollup()
	return int64(rollup.Rss), err == nil
}
