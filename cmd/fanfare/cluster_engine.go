package main

import (
	"log/slog"

	"fanfare/apps"
	"fanfare/cluster"
	"fanfare/cluster/redis"
	"fanfare/config"
)

// newEngine makes the engine that connects the node to the cluster's Redis. It
// connects when it runs.
func newEngine(cfg *config.Config, registry *apps.Registry, log *slog.Logger) (cluster.Engine, error) {
	c := &cfg.Cluster.Redis
	t, err := clientTLS(c.TLS)
	if err != nil {
		return nil, err
	}
	return redis.New(redis.Config{
		Addresses: c.Addresses, Prefix: c.Prefix, Username: c.Username, Password: c.Password, Database: c.Database,
		TLS: t, SentinelMaster: c.SentinelMaster, SentinelUsername: c.SentinelUser, SentinelPassword: c.SentinelPass,
		Apps: registry.All, Logger: log,
	})
}
