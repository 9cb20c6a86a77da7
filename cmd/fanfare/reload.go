package main

import (
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"syscall"

	"fanfare/config"
)

// untilHangup receives SIGHUP, which from here to the end of the process does
// not end it any more: a reload may be asked for before there is anything to
// reload, and while the server drains.
func untilHangup() <-chan os.Signal {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	return hangups
}

// reloadOnHangup brings the apps of the configuration up to date at every
// hangup, until ended is closed: new keys, limits and flags count at once,
// sockets of apps that are disabled or gone are closed with 4003. Other keys,
// webhooks among them, want a restart. A configuration with a mistake changes
// nothing.
func (s *server) reloadOnHangup(hangups <-chan os.Signal, ended <-chan struct{}, load func() (*config.Config, error)) {
	for {
		select {
		case <-ended:
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
	bounds := newCapacity(cfg, openFiles())
	s.sockets.SetMaxConnections(bounds.Sockets, bounds.Hint)
	if s.otherWebhooks(cfg) {
		s.log.Warn("the webhooks of apps were changed; that counts after a restart")
	}
	return nil
}

// otherWebhooks tells whether an app of cfg has webhooks other than those that
// are delivered.
func (s *server) otherWebhooks(cfg *config.Config) bool {
	delivered := make(map[string][]config.Webhook, len(s.cfg.Apps))
	for _, app := range s.cfg.Apps {
		delivered[app.ID] = app.Webhooks
	}
	return slices.ContainsFunc(cfg.Apps, func(app config.App) bool {
		return len(app.Webhooks)+len(delivered[app.ID]) > 0 && !reflect.DeepEqual(app.Webhooks, delivered[app.ID])
	})
}
