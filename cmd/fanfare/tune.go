package main

import (
	"cmp"
	"log/slog"
	"math"
	"os"
	"runtime/debug"

	"fanfare/config"
)

// runtimeSettings are the settings of the Go runtime if nothing is configured. The
// memory limit is GOMEMLIMIT, or else the share of the cgroup's limit.
type runtimeSettings struct {
	gcPercent   int
	memoryLimit int64
}

// readRuntime reads the settings that GOGC and GOMEMLIMIT have made. It is called
// before anything is set.
func readRuntime() runtimeSettings {
	gc := debug.SetGCPercent(100) // there is no other way to read it
	debug.SetGCPercent(gc)
	return runtimeSettings{gc, limitOfMemory(debug.SetMemoryLimit(-1), os.Getenv("GOMEMLIMIT"), cgroupLimit)}
}

// limitOfMemory returns the runtime's own limit, or the cgroup's if it has none.
// GOMEMLIMIT=off means that there is no limit.
func limitOfMemory(own int64, env string, cgroup func() int64) int64 {
	if own == math.MaxInt64 && env != "off" {
		return cgroup()
	}
	return own
}

// set applies the configured settings of the Go runtime.
func (r runtimeSettings) set(cfg *config.Config) {
	debug.SetGCPercent(cmp.Or(cfg.Runtime.GCPercent, r.gcPercent))
	debug.SetMemoryLimit(r.limit(cfg))
}

// limit returns the memory limit in force, math.MaxInt64 if there is none.
func (r runtimeSettings) limit(cfg *config.Config) int64 {
	return cmp.Or(cfg.MemoryLimitBytes(), r.memoryLimit)
}

// tune applies the configured settings of the Go runtime, and raises the limit of
// open files.
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

// warnOfMistakes logs the warnings of the configuration: likely mistakes, and
// settings that are acceptable for development only.
func warnOfMistakes(cfg *config.Config, log *slog.Logger) {
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
}
