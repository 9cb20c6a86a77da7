package main

import (
	"fmt"
	"log/slog"
	"slices"

	"fanfare/apps"
	"fanfare/config"
	"fanfare/internal/account"
	"fanfare/metrics"
	"fanfare/webhooks"
)

// newWebhooks returns the sender of webhooks, even if no app has webhooks yet.
// later means that its store is opened later, when the predecessor no longer has
// it open.
func newWebhooks(cfg *config.Config, registry *apps.Registry, held *account.Account, tracer webhooks.Tracer, later bool, logger *slog.Logger) (*webhooks.Sender, error) {
	c := webhookChange(cfg, nil)
	hooks, err := webhooks.New(webhooks.Config{
		Apps:        registry,
		Endpoints:   c.Endpoints,
		Account:     held,
		Logger:      logger,
		Tracer:      tracer,
		Grace:       c.Grace,
		Timeout:     c.Timeout,
		QueueEvents: c.QueueEvents,
		QueueBytes:  c.QueueBytes,
		Store:       cfg.Webhooks.Store,
		StoreLater:  later,
		Recent:      keptDeliveries(cfg),
		Target:      webhookTargets(cfg),
	})
	if err != nil {
		return nil, fmt.Errorf("make the webhooks: %w", err)
	}
	return hooks, nil
}

// webhookTargets returns where webhooks may go, nil for anywhere. Webhooks in the
// configuration are the operator's and are trusted. Webhooks in a database may
// come from others.
func webhookTargets(cfg *config.Config) webhooks.Policy {
	if !cfg.Store.InDatabase() || cfg.Store.PrivateWebhooks {
		return nil
	}
	return webhooks.PublicTargets
}

// webhookChange returns the settings of webhooks in cfg. An app that is in before,
// but not in cfg, keeps its endpoints until the next change: events of its last
// clients still have to be sent.
func webhookChange(cfg, before *config.Config) webhooks.Change {
	list := make([]*config.App, 0, len(cfg.Apps))
	here := make(map[string]bool, len(cfg.Apps))
	for i := range cfg.Apps {
		here[cfg.Apps[i].ID] = true
		list = append(list, &cfg.Apps[i])
	}
	if before != nil {
		for i := range before.Apps {
			if app := &before.Apps[i]; !here[app.ID] {
				list = append(list, app)
			}
		}
	}
	return webhooksOf(cfg, list)
}

// webhooksOf returns the endpoints of some apps, with the other settings of
// webhooks in cfg.
func webhooksOf(cfg *config.Config, list []*config.App) webhooks.Change {
	endpoints := make(map[string][]webhooks.Endpoint)
	for _, app := range list {
		for _, h := range app.Webhooks {
			endpoints[app.ID] = append(endpoints[app.ID], webhookEndpoint(h))
		}
	}
	return webhooks.Change{
		Endpoints:   endpoints,
		Grace:       orNone(cfg.Webhooks.Grace),
		Timeout:     cfg.Webhooks.Timeout,
		QueueEvents: cfg.Webhooks.QueueEvents,
		QueueBytes:  cfg.Webhooks.QueueBytes,
	}
}

// observe makes the sender of webhooks an observer of the hub as soon as an app
// has webhooks. Before, each notice would cost time for nothing. The sender stays
// an observer when the webhooks are removed, for the events that still have to be
// sent.
func (s *server) observe(cfg *config.Config) {
	if !s.observed && slices.ContainsFunc(cfg.Apps, func(a config.App) bool { return len(a.Webhooks) > 0 }) {
		s.observed = true
		if s.cluster != nil {
			s.hub.SetObservers(clusterHooks{s.hooks})
		} else {
			s.hub.SetObservers(s.hooks)
		}
	}
}

func webhookEndpoint(h config.Webhook) webhooks.Endpoint {
	e := webhooks.Endpoint{
		URL:             h.URL,
		Events:          h.Events,
		ChannelPrefix:   h.Filter.ChannelPrefix,
		ChannelSuffix:   h.Filter.ChannelSuffix,
		ChannelPattern:  h.Filter.ChannelPattern,
		ExcludePrefixes: h.Filter.ExcludePrefixes,
		Headers:         h.Headers,
	}
	if h.Batch.Enabled {
		e.BatchInterval = h.Batch.Interval
	}
	return e
}

// webhookMetrics returns the function from which metrics gets the counts of the
// sender.
func webhookMetrics(hooks *webhooks.Sender) func() metrics.Webhooks {
	return func() metrics.Webhooks {
		s := hooks.Stats()
		out := metrics.Webhooks{Unsaved: s.Unsaved}
		for _, e := range s.Endpoints {
			to := metrics.WebhookEndpoint{
				App: e.App, Endpoint: e.Endpoint, Queued: e.Queued, Sent: e.Sent, Retried: e.Retried, Failed: e.Failed, Down: e.Down,
			}
			for _, d := range e.Dropped {
				to.Dropped = append(to.Dropped, metrics.WebhookDrop(d))
			}
			out.Endpoints = append(out.Endpoints, to)
		}
		return out
	}
}
