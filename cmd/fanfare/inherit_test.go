package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"

	"fanfare/config"
	"fanfare/internal/logs"
	"fanfare/metrics"
)

// A process that waits to take over has no store of webhooks yet. Endpoints that
// a reload opened meanwhile would never see what is undelivered there.
func TestReload_BeforeTheServerRuns_Waits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := logs.New(t.Output(), logs.Options{Level: "error", Format: "text"})
		if err != nil {
			t.Fatal(err)
		}
		s := &server{begun: make(chan struct{}), log: log.Logger(), reloads: metrics.NewReloads()}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		hangups := make(chan os.Signal, 1)
		hangups <- syscall.SIGHUP
		loads := 0
		go s.reloadOnHangup(ctx, hangups, func() (*config.Config, string, error) {
			loads++
			return nil, "", errors.New("a mistake")
		})
		synctest.Wait()
		if loads != 0 {
			t.Error("the configuration was read before the server ran")
		}
		close(s.begun)
		synctest.Wait()
		if loads != 1 {
			t.Errorf("the configuration was read %d times, want once", loads)
		}
	})
}
