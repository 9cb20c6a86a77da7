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
	if wanted := wantedFiles(cfg); wanted > files {
		log.Warn("more connections are configured than files may be open; raise the limit (LimitNOFILE=, ulimit -n)",
			slog.Uint64("files", files), slog.Uint64("wanted", wanted))
	}
	return files
}

// spareFiles are for everything that is not a client: listeners, loops, logs,
// API requests, and the second descriptor a socket has while it is upgraded.
const spareFiles = 256

// wantedFiles is how many files the configured connections take; 0 when they
// are not bounded.
func wantedFiles(cfg *config.Config) uint64 {
	n := cfg.Sockets.MaxConnections
	if n == 0 {
		for _, a := range cfg.Apps {
			if a.Limits.MaxConnections == 0 {
				return 0
			}
			n += a.Limits.MaxConnections
		}
	}
	return uint64(n) + spareFiles
}

// warnOfMistakes says what is surely not meant, and what is fine on a laptop and
// not on a server.
func warnOfMistakes(cfg *config.Config, log *slog.Logger) {
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
}
