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
	s.removed = map[string]time.Time{}
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

// takeApps makes what has changed in the store count, as a reload does. It costs
// what the changed apps do and little for the others, of which there may be
// thousands.
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

// removedFor is how long an app that is gone from the store keeps its endpoints at
// least: the events of its last clients are still to be sent. They end with the
// first change after it.
const removedFor = time.Minute

// takeWebhooks makes the webhooks of changed apps count.
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
