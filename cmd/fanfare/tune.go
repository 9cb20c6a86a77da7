package main

import (
	"cmp"
	"log/slog"
	"math"
	"os"
	"runtime/debug"

	"fanfare/config"
)

// runtimeSettings are those of the Go runtime when nothing is configured. The
// limit of memory is GOMEMLIMIT, or else the cgroup's.
type runtimeSettings struct {
	gcPercent   int
	memoryLimit int64
}

// readRuntime reads what GOGC and GOMEMLIMIT left. It is called before anything
// is set.
func readRuntime() runtimeSettings {
	gc := debug.SetGCPercent(100) // there is no other way to read it
	debug.SetGCPercent(gc)
	return runtimeSettings{gc, limitOfMemory(debug.SetMemoryLimit(-1), os.Getenv("GOMEMLIMIT"), cgroupLimit)}
}

// limitOfMemory is the runtime's own limit, or the cgroup's if it has none. Who
// says GOMEMLIMIT=off wants none.
func limitOfMemory(own int64, env string, cgroup func() int64) int64 {
	if own == math.MaxInt64 && env != "off" {
		return cgroup()
	}
	return own
}

// set applies what the configuration asks of the Go runtime.
func (r runtimeSettings) set(cfg *config.Config) {
	debug.SetGCPercent(cmp.Or(cfg.Runtime.GCPercent, r.gcPercent))
	debug.SetMemoryLimit(r.limit(cfg))
}

// limit is the limit of memory in force, math.MaxInt64 if there is none.
func (r runtimeSettings) limit(cfg *config.Config) int64 {
	return cmp.Or(cfg.MemoryLimitBytes(), r.memoryLimit)
}

// tune applies what the configuration asks of the Go runtime and of the
// operating system.
func (r runtimeSettings) tune(cfg *config.Config, log *slog.Logger) {
	r.set(cfg)
	files, err := raiseOpenFiles()
	if err != nil {
		log.Warn("the limit of open files stays as it is", slog.Any("error", err))
	}
	if files == 0 { // the system has no such limit
		return
	}
	if warning := newCapacity(cfg, files).warning; warning != "" {
		log.Warn(warning, slog.String("reason", "open_files"), slog.Uint64("files", files))
	}
}

// warnOfMistakes says what is surely not meant, and what is fine on a laptop and
// not on a server.
func warnOfMistakes(cfg *config.Config, log *slog.Logger) {
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
}
