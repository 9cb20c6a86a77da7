package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// bodyPatience is how long a request may still be under way when the sockets
// have left. One that is whole takes milliseconds; one whose body does not come
// was never accepted.
const bodyPatience = 5 * time.Second

// drain ends the server's work in the order in which others notice: readiness
// goes first, then the listener, then requests and sockets at their own pace,
// then webhooks. Metrics stay up to the end.
func (s *server) drain() error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Shutdown.Timeout)
	defer cancel()
	s.log.Info("draining", slog.Int("sockets", s.sockets.Sockets()), slog.Duration("spread", s.cfg.Shutdown.Spread))

	s.ready.Store(false)
	if s.cfg.Shutdown.Delay > 0 {
		timer := time.NewTimer(s.cfg.Shutdown.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	s.draining.Store(true)

	// Requests under way finish while sockets leave, each bounded by ctx.
	requests := make(chan error, 1)
	whole, giveUp := context.WithCancel(ctx)
	defer giveUp()
	go func() { requests <- s.web.Shutdown(whole) }()
	sockets := s.sockets.Drain(ctx, s.cfg.Shutdown.Spread)
	patience := time.AfterFunc(bodyPatience, giveUp)
	defer patience.Stop()
	err := <-requests
	switch {
	case err == nil:
	case ctx.Err() == nil:
		s.log.Warn("requests that were not whole are cut off")
		err = s.web.Close()
	default:
		err = errors.Join(fmt.Errorf("requests were still running after %s: %w", s.cfg.Shutdown.Timeout, err), s.web.Close())
	}
	// An upgrade that was under way when the first wave left.
	if sockets == nil && s.sockets.Sockets() > 0 {
		sockets = s.sockets.Drain(ctx, 0)
	}
	if sockets != nil {
		err = errors.Join(err, fmt.Errorf("%d sockets were still open after %s: %w", s.sockets.Sockets(), s.cfg.Shutdown.Timeout, sockets))
	}
	s.hub.Close()
	if s.hooks != nil { // by now the last socket's leaving was told
		err = errors.Join(err, s.hooks.Drain(ctx))
	}
	s.log.Info("drained", slog.Duration("took", time.Since(began).Round(time.Millisecond)))
	return err
}
