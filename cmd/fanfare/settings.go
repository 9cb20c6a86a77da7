package main

import (
	"cmp"
	"net/http"
	"time"

	"fanfare/config"
	"fanfare/httpapi"
	"fanfare/sockets"
)

// This file derives the settings of the server's parts from the configuration, at
// the start and at each reload.

// apiConfig returns the configuration of the HTTP API.
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

// degraded returns what is wrong around the server while it serves, "" if nothing
// is. The text is public (/readyz).
func (s *server) degraded() string { return cmp.Or(s.cluster.degraded(), s.storeDegraded()) }

// startPage returns the app that the start page shows, by http.start_page; nil for
// none. It contains the secret only if that is the one that everyone knows.
func startPage(cfg *config.Config) *httpapi.StartPage {
	if len(cfg.Apps) == 0 { // the store has no app yet
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

// socketLimits returns the limits of sockets that a reload can change.
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

// mostPast returns how many bytes of a history a socket may receive at once. The
// other half of its queue is for events that arrive meanwhile.
func mostPast(cfg *config.Config) int { return cfg.Sockets.QueueBytes / 2 }

func overUnix(cfg *config.Config) bool {
	_, unix := config.UnixSocket(cfg.Listen)
	return unix
}

// proxyHeader returns the value of http.proxy_protocol for sockets.
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

// orNone returns a grace of 0 as -1: the hub has a default for 0.
func orNone(grace time.Duration) time.Duration {
	if grace == 0 {
		return -1
	}
	return grace
}
