package main

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"fanfare/apps"
	"fanfare/appstore"
	"fanfare/config"
	"fanfare/metrics"
	"fanfare/webhooks"
)

// newStore makes the store of a configuration whose apps are in a database. It
// does not connect yet.
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

// openStore opens the database of the apps and reads them, if one is configured.
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
	s.removed = map[string]time.Time{}
	next := *s.cfg
	next.Apps = s.mirror.Apps()
	s.cfg, s.started = &next, &next
	return nil
}

// followStore applies changes of the store until ctx is done. It begins once the
// server runs, as reloadOnHangup does.
func (s *server) followStore(ctx context.Context) {
	if s.mirror == nil {
		return
	}
	defer s.closeStore()
	if s.hasBegun(ctx) {
		s.mirror.Run(ctx, s.takeApps)
	}
}

// takeApps applies changes of the store, as a reload does. Its cost grows with the
// number of changed apps and hardly with that of all, which may be thousands.
func (s *server) takeApps(u appstore.Update) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if s.ending {
		return nil
	}
	next := *s.cfg
	next.Apps = u.Apps
	if err := s.takeWebhooks(&next, u.Changed); err != nil {
		return err
	}
	s.observe(&next)
	var put []apps.App
	var gone []string
	for _, id := range u.Changed {
		if app := appstore.Find(next.Apps, id); app != nil {
			put = append(put, next.Resolve(app))
		} else {
			gone = append(gone, id)
		}
	}
	if err := s.registry.Change(put, gone); err != nil {
		return err
	}
	s.sockets.RenewApps(s.registry, u.Changed)
	s.appsChanged(&next)
	s.cfg = &next
	s.log.Debug("the apps of the store have changed", slog.Int("changed", len(u.Changed)), slog.Int("apps", len(u.Apps)))
	return s.api.Update(s.apiConfig(&next))
}

// removedFor is the least time for which an app that was deleted keeps its webhook
// endpoints, so that the events of its last clients are sent. The first change of
// the store after that removes them.
const removedFor = time.Minute

// takeWebhooks applies the webhooks of changed apps.
func (s *server) takeWebhooks(next *config.Config, changed []string) error {
	var list []*config.App
	var about, gone []string
	for _, id := range changed {
		before, now := appstore.Find(s.cfg.Apps, id), appstore.Find(next.Apps, id)
		_, leaving := s.removed[id]
		switch {
		case now == nil && before != nil && len(before.Webhooks) > 0:
			gone = append(gone, id)
		case now == nil:
		case leaving, before == nil && len(now.Webhooks) > 0, before != nil && !reflect.DeepEqual(before.Webhooks, now.Webhooks):
			about, list = append(about, id), append(list, now)
		}
	}
	for id, at := range s.removed {
		if time.Since(at) > removedFor && !slices.Contains(about, id) {
			about = append(about, id)
		}
	}
	if len(about) > 0 {
		c := webhooksOf(next, list)
		c.Apps = about
		if err := s.prepareWebhooks(c); err != nil {
			return err
		}
	}
	for _, id := range about {
		delete(s.removed, id)
	}
	for _, id := range gone {
		s.removed[id] = time.Now()
	}
	return nil
}

// storeDegraded returns why /readyz reports degraded, "" while the store can be
// reached. The text is public. Without the store the server continues with the
// apps that it has, so it stays ready.
func (s *server) storeDegraded() string {
	if s.mirror == nil || s.mirror.Status().Up {
		return ""
	}
	return "the app store cannot be reached; the server uses the apps that it read last"
}

func (s *server) storeMetrics() metrics.AppStore { return metrics.AppStore(s.mirror.Status()) }

func (s *server) closeStore() {
	if s.store != nil {
		_ = s.store.Close()
	}
}
