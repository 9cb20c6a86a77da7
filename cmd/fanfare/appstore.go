package main

import (
	"context"
	"fmt"
	"log/slog"

	"fanfare/appstore"
	"fanfare/config"
	"fanfare/metrics"
	"fanfare/webhooks"
)

// newStore makes the store of a configuration whose apps are in a database, and
// reaches nobody yet.
func newStore(cfg *config.Config) (*appstore.Store, error) {
	targets := webhookTargets(cfg)
	if targets == nil {
		targets = webhooks.AnyTarget
	}
	return appstore.Open(appstore.Config{
		Kind: cfg.Store.Kind, DSN: cfg.Store.DSN, Keys: cfg.Store.EncryptionKeys(), Server: cfg,
		Check: func(app *config.App) error {
			for i, h := range app.Webhooks {
				if _, err := webhooks.CheckTarget(h.URL, targets); err != nil {
					return fmt.Errorf("webhook %d: %w; store.private_webhooks allows every address", i, err)
				}
			}
			return nil
		},
	})
}

// openStore reads the apps of a database, if they are in one.
func (s *server) openStore() error {
	if !s.cfg.Store.InDatabase() {
		return nil
	}
	store, err := newStore(s.cfg)
	if err != nil {
		return err
	}
	s.store = store
	s.mirror = appstore.NewMirror(appstore.MirrorConfig{
		Store: store, Poll: s.cfg.Store.PollInterval, Migrate: s.cfg.Store.Migrate, Logger: s.log,
	})
	if err := s.mirror.Load(context.Background(), s.cfg.Store.StartTimeout); err != nil {
		return err
	}
	next := *s.cfg
	next.Apps = s.mirror.Apps()
	s.cfg, s.started = &next, &next
	return nil
}

// followStore takes over what changes in the store until ctx is done, once the
// server runs, see reloadOnHangup.
func (s *server) followStore(ctx context.Context) {
	if s.mirror == nil {
		return
	}
	defer s.closeStore()
	if s.hasBegun(ctx) {
		s.mirror.Run(ctx, s.takeApps)
	}
}

// takeApps makes the apps of the store count, as a reload does.
func (s *server) takeApps(list []config.App) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if s.ending {
		return nil
	}
	next := *s.cfg
	next.Apps = list
	if err := s.changeWebhooks(&next); err != nil {
		return err
	}
	if _, err := s.changeApps(&next); err != nil {
		return err
	}
	s.cfg = &next
	s.log.Debug("the apps of the store have changed", slog.Int("apps", len(list)))
	return s.api.Update(s.apiConfig(&next))
}

// storeDegraded is what anybody may read of a store that cannot be reached. The
// server goes on with the apps it has, as all others do, so it is ready.
func (s *server) storeDegraded() string {
	if s.mirror == nil || s.mirror.Status().Up {
		return ""
	}
	return "the app store cannot be reached; apps stay as they were"
}

func (s *server) storeMetrics() metrics.AppStore { return metrics.AppStore(s.mirror.Status()) }

func (s *server) closeStore() {
	if s.store != nil {
		_ = s.store.Close()
	}
}
