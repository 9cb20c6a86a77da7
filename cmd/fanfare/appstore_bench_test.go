package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"fanfare/appstore"
	"fanfare/config"
)

// BenchmarkTakeApps is what one changed app of 10,000 costs a node.
func BenchmarkTakeApps(b *testing.B) {
	for name, hooks := range map[string]int{"plain": 0, "webhooks=1": 1} {
		b.Run(name, func(b *testing.B) {
			cfg := config.Defaults()
			cfg.Listen, cfg.Metrics.Listen = "127.0.0.1:0", ""
			for i := range 10_000 {
				a := config.DefaultApp()
				a.ID, a.Key, a.Secret = fmt.Sprint(i), fmt.Sprint("key-", i), "secret"
				for range hooks {
					a.Webhooks = append(a.Webhooks, config.Webhook{URL: fmt.Sprintf("http://127.0.0.1:1/%d", i), Events: []string{"channel_occupied"}, Batch: config.WebhookBatch{Interval: time.Second}})
				}
				cfg.Apps = append(cfg.Apps, a)
			}
			slices.SortFunc(cfg.Apps, func(a, b config.App) int { return strings.Compare(a.ID, b.ID) })
			s, err := newServer(&cfg, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer s.close()
			b.ReportAllocs()
			for b.Loop() {
				list := slices.Clone(s.cfg.Apps)
				list[5000].ClientEvents = !list[5000].ClientEvents
				for i := range list[5000].Webhooks {
					list[5000].Webhooks = slices.Clone(list[5000].Webhooks)
					list[5000].Webhooks[i].Batch.Enabled = !list[5000].Webhooks[i].Batch.Enabled
				}
				if err := s.takeApps(appstore.Update{Apps: list, Changed: []string{list[5000].ID}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
