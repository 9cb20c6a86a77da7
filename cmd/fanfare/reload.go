package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"fanfare/config"
)

// reloadOnHangup brings the apps of the configuration up to date at every
// SIGHUP, until ctx is done: new keys, limits and flags count at once, sockets
// of apps that are disabled or gone are closed with 4003. Other keys, webhooks
// among them, want a restart. A configuration with a mistake changes nothing.
func (s *server) reloadOnHangup(ctx context.Context, load func() (*config.Config, error)) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		if err := s.reload(load); err != nil {
			s.log.Error("the configuration was not reloaded", slog.Any("error", err))
			continue
		}
		s.log.Info("apps reloaded", slog.Int("apps", len(s.registry.All())))
	}
}

func (s *server) reload(load func() (*config.Config, error)) error {
	cfg, err := load()
	if err != nil {
		return err
	}
	if err := s.registry.Replace(cfg.AppList()); err != nil {
		return err
	}
	s.sockets.Renew(s.registry)
	return nil
}
