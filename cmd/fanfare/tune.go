package main

import (
	"log/slog"
	"runtime/debug"

	"fanfare/config"
)

// tuneRuntime applies what the configuration asks of the Go runtime and of the
// operating system, and returns how many files may be open; 0 is unlimited.
func tuneRuntime(cfg *config.Config, log *slog.Logger) (files uint64) {
	if cfg.Runtime.GCPercent != 0 {
		debug.SetGCPercent(cfg.Runtime.GCPercent)
	}
	if limit := cfg.MemoryLimitBytes(); limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	files, err := raiseOpenFiles()
	if err != nil {
		log.Warn("the limit of open files stays as it is", slog.Any("error", err))
	}
	if files == 0 { // the system has no such limit
		return 0
	}
	if warning := newCapacity(cfg, files).warning; warning != "" {
		log.Warn(warning, slog.String("reason", "open_files"), slog.Uint64("files", files))
	}
	return files
}

// warnOfMistakes says what is surely not meant, and what is fine on a laptop and
// not on a server.
func warnOfMistakes(cfg *config.Config, log *slog.Logger) {
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
}
