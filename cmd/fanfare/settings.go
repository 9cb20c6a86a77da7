package main

import (
	"cmp"
	"net/http"
	"time"

	"fanfare/config"
	"fanfare/httpapi"
	"fanfare/sockets"
)

// What the configuration means for the parts of the server, at the start and at
// each reload.

// apiConfig is what the HTTP API is made of.
func (s *server) apiConfig(cfg *config.Config) httpapi.Config {
	return httpapi.Config{
		PathPrefix:               cfg.PathPrefix,
		Apps:                     s.registry,
		Hub:                      s.hub,
		Sockets:                  s.sockets,
		Account:                  s.account,
		Logger:                   s.log,
		AllowMissingProtocol:     cfg.Sockets.AllowMissingProtocol,
		TrustedProxies:           cfg.TrustedPrefixes(),
		ExemptAddresses:          cfg.ExemptPrefixes(),
		OverUnix:                 overUnix(cfg),
		CountAddresses:           cfg.Sockets.ConnectionsPerAddress > 0,
		ClientHeader:             httpapi.ClientHeader(http.CanonicalHeaderKey(cfg.HTTP.ClientAddressHeader)),
		ProxyHeader:              proxyHeader(cfg),
		MaxHandshakesPerAddress:  cfg.Sockets.HandshakesPerAddress,
		MaxConnectionsPerAddress: cfg.HTTP.ConnectionsPerAddress,
		MaxConnections:           newCapacity(cfg, openFiles()).requests,
		BodyLimit:                int64(cfg.HTTP.MaxBodyBytes),
		HeaderTimeout:            cfg.HTTP.HeaderTimeout,
		BodyTimeout:              cfg.HTTP.BodyTimeout,
		IdleTimeout:              cfg.HTTP.IdleTimeout,
		MaxHeaderBytes:           cfg.HTTP.MaxHeaderBytes,
		Fallback: httpapi.Fallback{
			Disabled:        !cfg.Fallback.Enabled,
			Path:            cfg.Fallback.Path,
			OpensPerAddress: cfg.Fallback.OpensPerAddress,
		},
		AccessLog: cfg.Log.AccessLog,
		Tracer:    s.traces.ofCalls(),
		StartPage: startPage(cfg),
		Version:   version,
		Ready:     s.isReady,
		Degraded:  s.degraded,
		Draining:  s.draining.Load,

		EventShare: s.cluster.eventShare(),
	}
}

// degraded says in a few words, which anybody may read, what is wrong around the
// server while it serves.
func (s *server) degraded() string { return cmp.Or(s.cluster.degraded(), s.storeDegraded()) }

// startPage is http.start_page. The secret is shown where everyone knows it.
func startPage(cfg *config.Config) *httpapi.StartPage {
	if len(cfg.Apps) == 0 { // of a store that has none yet
		return nil
	}
	app := cfg.Apps[0]
	public := app.Secret == config.DefaultSecret
	if cfg.HTTP.StartPage == "plain" || cfg.HTTP.StartPage == "auto" && !public {
		return nil
	}
	page := &httpapi.StartPage{ID: app.ID, Key: app.Key}
	if public {
		page.Secret = app.Secret
	}
	return page
}

// socketLimits are the bounds of sockets that can change.
func socketLimits(cfg *config.Config) sockets.Limits {
	return sockets.Limits{
		QueueBytes:      cfg.Sockets.QueueBytes,
		MaxMessageBytes: cfg.Sockets.MaxMessageBytes,
		CloseTimeout:    cfg.Sockets.CloseTimeout,
		MessageTimeout:  cfg.Sockets.MessageTimeout,
		HostName:        cfg.Fallback.NodeHost,

		ConnectionsPerAddress: cfg.Sockets.ConnectionsPerAddress,
	}
}

// mostPast is what of a history may be sent to a socket at once: events that come
// meanwhile have room in its queue.
func mostPast(cfg *config.Config) int { return cfg.Sockets.QueueBytes / 2 }

func overUnix(cfg *config.Config) bool {
	_, unix := config.UnixSocket(cfg.Listen)
	return unix
}

// proxyHeader is http.proxy_protocol.
func proxyHeader(cfg *config.Config) sockets.Expectation {
	switch cfg.HTTP.ProxyProtocol {
	case "required":
		return sockets.MustProxyHeader
	case "optional":
		return sockets.MayProxyHeader
	default:
		return sockets.NoProxyHeader
	}
}

// orNone says "none" in the way of the hub, where 0 is the default.
func orNone(grace time.Duration) time.Duration {
	if grace == 0 {
		return -1
	}
	return grace
}
