package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"fanfare/apps"
	"fanfare/config"
	"fanfare/webhooks"
)

// untilHangup receives SIGHUP. From now on the signal does not end the process: it
// may come before there is anything to reload, and while the server drains.
func untilHangup() <-chan os.Signal {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	return hangups
}

// loader reads the configuration as serve did, and returns the name of the file
// too.
type loader func() (cfg *config.Config, file string, err error)

// reloadOnHangup reloads at every SIGHUP, until ctx is done. A signal that comes
// before the server runs is handled when it runs: until then another process may
// have the store of webhooks open.
func (s *server) reloadOnHangup(ctx context.Context, hangups <-chan os.Signal, load loader) {
	if !s.hasBegun(ctx) {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			s.reload(load)
		}
	}
}

// reloaded is the result of a reload. It is the answer of the control socket.
type reloaded struct {
	File     string   `json:"file,omitempty"`
	Path     *string  `json:"path,omitempty"`  // of File, absolute; see absoluteFile
	Error    string   `json:"error,omitempty"` // nothing was changed
	Changed  []string `json:"changed"`
	Restart  []string `json:"restart"` // changes that need a restart
	Warnings []string `json:"warnings"`
}

// reload applies the changes of the configuration that are possible while the
// server runs. If the configuration has a mistake, nothing is changed.
func (s *server) reload(load loader) reloaded {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if s.ending {
		return reloaded{Error: "the server is shutting down"}
	}
	cfg, file, err := load()
	result := reloaded{File: file, Path: absoluteFile(file)}
	if err == nil {
		if s.mirror != nil || cfg.Store.InDatabase() { // the apps change only through the store
			cfg.Apps = s.cfg.Apps
		}
		err = s.change(cfg, &result)
	}
	s.reloads.Done(err == nil, time.Now())
	if err != nil {
		result.Error = err.Error()
		s.log.Error("the configuration was not reloaded; nothing is changed", slog.Any("error", err))
		return result
	}
	result.Warnings = append(result.Warnings, cfg.Warnings...)
	for _, w := range append(result.Warnings, result.Restart...) {
		s.log.Warn(w)
	}
	s.log.Info("the configuration was reloaded", slog.Int("apps", len(cfg.Apps)), slog.String("changed", strings.Join(result.Changed, "; ")))
	return result
}

// change applies cfg. The steps that can fail come first.
func (s *server) change(cfg *config.Config, result *reloaded) error {
	if _, err := apps.NewRegistry(cfg.AppList()); err != nil {
		return err
	}
	var cert *tls.Certificate
	if s.started.TLS.CertFile != "" && cfg.TLS.CertFile != "" {
		var err error
		if cert, err = certificate(cfg); err != nil {
			return err
		}
	}
	adminCert, err := adminCertificate(cfg)
	if err != nil {
		return err
	}
	if err := s.changeWebhooks(cfg); err != nil {
		return err
	}
	if err := s.setLog(cfg.Log.Level, cfg.Log.Format); err != nil {
		return err
	}
	if err := errors.Join(s.sockets.SetLimits(socketLimits(cfg)), s.api.Update(s.apiConfig(cfg))); err != nil {
		return err
	}
	s.sockets.SetFront(s.api.FrontConfig())
	if cfg.HTTP.HeaderTimeout != s.cfg.HTTP.HeaderTimeout || cfg.HTTP.BodyTimeout != s.cfg.HTTP.BodyTimeout ||
		cfg.HTTP.IdleTimeout != s.cfg.HTTP.IdleTimeout || cfg.HTTP.MaxHeaderBytes != s.cfg.HTTP.MaxHeaderBytes {
		s.web.replace(s.api.HTTPServer())
	}
	s.profiles.Store(cfg.Metrics.Pprof)
	s.admin.update(s.started, cfg, adminCert)
	s.hub.SetOfflineGrace(orNone(cfg.Users.OfflineGrace))
	s.hub.SetMostPast(mostPast(cfg))
	if cfg.Runtime != s.cfg.Runtime {
		s.initial.set(cfg)
		s.limitMemory(cfg)
	}
	bounds, err := s.changeApps(cfg)
	if err != nil {
		return err
	}
	if bounds.warning != "" {
		result.Warnings = append(result.Warnings, bounds.warning)
	}

	for _, c := range config.Diff(s.cfg, cfg) {
		if !c.Restart {
			result.Changed = append(result.Changed, c.String())
		}
	}
	if cert != nil {
		if changed := s.use(cert); changed != "" {
			result.Changed = append(result.Changed, changed)
		}
	}
	for _, c := range config.Diff(s.started, cfg) {
		if c.Restart {
			result.Restart = append(result.Restart, fmt.Sprintf("%s: needs a restart (still %s)", c.Key, c.Old))
		}
	}
	s.cfg = cfg
	if s.acme != nil {
		s.acme.Retry()
	}
	return nil
}

func (s *server) changeWebhooks(cfg *config.Config) error {
	return s.prepareWebhooks(webhookChange(cfg, s.cfg))
}

func (s *server) prepareWebhooks(c webhooks.Change) error {
	hooks, err := s.hooks.Prepare(c)
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	return hooks() // fails only if the store of webhooks cannot be read
}

// changeApps applies the apps of cfg, except for their webhooks, which are applied
// before.
func (s *server) changeApps(cfg *config.Config) (capacity, error) {
	s.observe(cfg)
	if err := s.registry.Replace(cfg.AppList()); err != nil {
		return capacity{}, err
	}
	s.hub.Renew(s.registry.ByID)
	s.sockets.Renew(s.registry)
	return s.appsChanged(cfg), nil
}

// appsChanged removes the state of removed apps, and applies the limit of sockets
// that follows from cfg.
func (s *server) appsChanged(cfg *config.Config) capacity {
	s.forget()
	bounds := newCapacity(cfg, openFiles())
	s.sockets.SetMaxConnections(bounds.Sockets, bounds.Hint)
	return bounds
}

// forget removes the state of apps that no longer exist. It is called
// periodically: the last sockets of an app close after the reload that removed it,
// and some of its state expires later.
func (s *server) forget() {
	s.api.Forget()
	s.hub.Forget(func(appID string) bool {
		_, known := s.registry.ByID(appID)
		return known
	})
}

// forgetApps calls forget every minute, until ctx is done.
func (s *server) forgetApps(ctx context.Context) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.forget()
		}
	}
}

// endReloads makes further reloads fail, so that the configuration does not change
// during the drain.
func (s *server) endReloads() {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.ending = true
}
