package main

import (
	"fmt"
	"log/slog"

	"fanfare/apps"
	"fanfare/config"
	"fanfare/metrics"
	"fanfare/webhooks"
)

// newWebhooks makes the sender of webhooks, nil if no app has any.
func newWebhooks(cfg *config.Config, registry *apps.Registry, logger *slog.Logger) (*webhooks.Sender, error) {
	endpoints := make(map[string][]webhooks.Endpoint)
	for _, app := range cfg.Apps {
		for _, h := range app.Webhooks {
			endpoints[app.ID] = append(endpoints[app.ID], webhookEndpoint(h))
		}
	}
	if len(endpoints) == 0 {
		return nil, nil
	}
	hooks, err := webhooks.New(webhooks.Config{
		Apps:        registry,
		Endpoints:   endpoints,
		Logger:      logger,
		Grace:       orNone(cfg.Webhooks.Grace),
		Timeout:     cfg.Webhooks.Timeout,
		QueueEvents: cfg.Webhooks.QueueEvents,
		QueueBytes:  cfg.Webhooks.QueueBytes,
		Store:       cfg.Webhooks.Store,
	})
	if err != nil {
		return nil, fmt.Errorf("make the webhooks: %w", err)
	}
	return hooks, nil
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

// webhookMetrics gives a scrape the state of the sender.
func webhookMetrics(hooks *webhooks.Sender) func() metrics.Webhooks {
	return func() metrics.Webhooks {
		s := hooks.Stats()
		out := metrics.Webhooks{Unsaved: s.Unsaved}
		for _, e := range s.Endpoints {
			out.Endpoints = append(out.Endpoints, metrics.WebhookEndpoint(e))
		}
		return out
	}
}
