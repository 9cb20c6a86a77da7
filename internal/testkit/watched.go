package testkit

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"fanfare/internal/logs"
)

// WatchedLog is a log that had a follower.
func WatchedLog(t testing.TB) *slog.Logger {
	t.Helper()
	all, err := logs.New(io.Discard, logs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	follower, err := all.Follower(logs.Following{Level: "trace", Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = follower.Run(ctx, io.Discard, "") })
	for !all.Logger().Enabled(ctx, logs.LevelTrace) {
		runtime.Gosched()
	}
	cancel()
	running.Wait()
	return all.Logger()
}
