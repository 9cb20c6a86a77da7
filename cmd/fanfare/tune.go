package main

import (
	"cmp"
	"log/slog"
	"runtime/debug"

	"fanfare/config"
)

// runtimeSettings are those of the Go runtime when nothing is configured.
type runtimeSettings struct {
	gcPercent   int
	memoryLimit int64
}

// readRuntime reads what GOGC and GOMEMLIMIT left. It is called before anything
// is set.
func readRuntime() runtimeSettings {
	gc := debug.SetGCPercent(100) // there is no other way to read it
	debug.SetGCPercent(gc)
	return runtimeSettings{gc, debug.SetMemoryLimit(-1)}
}

// set applies what the configuration asks of the Go runtime.
func (r runtimeSettings) set(cfg *config.Config) {
	debug.SetGCPercent(cmp.Or(cfg.Runtime.GCPercent, r.gcPercent))
	debug.SetMemoryLimit(cmp.Or(cfg.MemoryLimitBytes(), r.memoryLimit))
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
