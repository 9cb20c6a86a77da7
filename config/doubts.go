package config

import (
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
)

// findDoubts warns of settings that work and are likely mistakes.
func findDoubts(c *Config, r *report) {
	if c.DemoApp {
		r.warn("", fmt.Sprintf("no app is configured: the demo app is served (id %s, key %s), whose secret everyone knows; `fanfare config init` writes a configuration of your own",
			c.Apps[0].ID, c.Apps[0].Key))
	}
	if c.Sockets.Transport == "epoll" && runtime.GOOS != "linux" {
		r.warn("sockets.transport", "epoll is available on Linux only; goroutine is used here")
	}
	for i, p := range c.TrustedPrefixes() {
		if p.Bits() == 0 {
			r.warn(fmt.Sprintf("http.trusted_proxies.%d", i), "trusts every address: any client can claim any address, and claim https; list only the networks of your proxies")
		}
	}
	for i, p := range networks(c.HTTP.ExemptAddresses) {
		if p.Bits() == 0 {
			r.warn(fmt.Sprintf("http.exempt_addresses.%d", i), "covers every address, so no limit per address applies; list only the networks that need it")
		}
	}
	if _, unix := UnixSocket(c.Listen); !unix && c.ListenMode != Defaults().ListenMode {
		r.warn("listen_mode", "has no effect: listen is not a Unix socket")
	}
	if _, unix := UnixSocket(c.Listen); unix && c.SocketMode()&0o002 != 0 {
		r.warn("listen_mode", "lets every user of this machine connect, and claim any address and https as a proxy does; 0660 allows only the server's user and group")
	}
	if a := c.TLS.ACME; !a.Enabled() && a.isSet() {
		r.warn("tls.acme", "has no effect while tls.acme.domains is empty")
	}
	if c.Metrics.Pprof && c.Metrics.Listen == "" {
		r.warn("metrics.pprof", "has no effect: metrics.listen is empty")
	}
	if c.Tracing.Endpoint == "" && len(c.Tracing.Headers) > 0 {
		r.warn("tracing.headers", "has an effect only if OTEL_EXPORTER_OTLP_ENDPOINT names a collector: tracing.endpoint is empty")
	}
	if !c.Fallback.Enabled && c.Fallback.NodeHost != "" {
		r.warn("fallback.node_host", "has no effect while fallback.enabled is false")
	}
	if c.PathPrefix != "" && strings.HasPrefix(c.Fallback.Path+"/", c.PathPrefix+"/") {
		r.warn("fallback.path", fmt.Sprintf("is appended to path_prefix, so clients need httpPath %s; leave the prefix out of fallback.path", c.PathPrefix+c.Fallback.Path))
	}
	if c.Log.AccessLog && (c.Log.Level == "warn" || c.Log.Level == "error") {
		r.warn("log.access_log", fmt.Sprintf("has no effect: it logs at level info, and log.level is %s", c.Log.Level))
	}
	if least := c.Shutdown.Delay + c.Shutdown.Spread + c.Sockets.CloseTimeout; c.Shutdown.Timeout < least {
		r.warn("shutdown.timeout", fmt.Sprintf("leaves the last sockets less time than sockets.close_timeout to close; raise it to %s", shortDuration(least)))
	}
	if c.Webhooks.Store != "" && !c.Store.InDatabase() && !slices.ContainsFunc(c.Apps, func(a App) bool { return len(a.Webhooks) > 0 }) {
		r.warn("webhooks.store", "has no effect: no app has webhooks")
	}
	doubtCluster(c, r)
	doubtStore(c, r)
	if !c.Store.InDatabase() && !slices.ContainsFunc(c.Apps, func(a App) bool { return a.Enabled }) {
		r.warn("apps", "are all disabled: nobody can connect")
	}
	for i := range c.Apps {
		doubtApp(c, &c.Apps[i], fmt.Sprintf("apps.%d", i), r)
	}
}

// doubtApp checks one app, and its limits against those of the server.
func doubtApp(c *Config, a *App, path string, r *report) {
	if a.Secret == DefaultSecret && !c.DemoApp {
		r.warn(path+".secret", "is public: anybody who reaches the server can publish. Use it on your own machine only; `fanfare keys new` makes another")
	}
	if !a.RequireAuthorization && a.AuthorizationTimeout != defaultApp().AuthorizationTimeout {
		r.warn(path+".authorization_timeout", "has no effect while require_authorization is false")
	}
	if len(a.AllowedOrigins) == 0 {
		r.warn(path+".allowed_origins", `is empty, which allows every origin; write "*" to allow them all explicitly`)
	}
	if i := slices.Index(a.AllowedOrigins, "*"); i >= 0 && len(a.AllowedOrigins) > 1 {
		r.warn(fmt.Sprintf("%s.allowed_origins.%d", path, i), `"*" allows every origin, whatever else is listed; remove it to use the rest of the list`)
	}
	l, limits := a.Limits, path+".limits."
	if n := c.Sockets.MaxConnections; n > 0 && l.MaxConnections > n && c.Cluster.Driver == DriverMemory {
		r.warn(limits+"max_connections", fmt.Sprintf("%d is never reached: sockets.max_connections is %d", l.MaxConnections, n))
	}
	if a.ClientEvents {
		if l.MaxEventName < len("client-x") {
			r.warn(limits+"max_event_name", fmt.Sprintf("%d is too short for any client event, whose names begin with client-", l.MaxEventName))
		}
		if n := c.Sockets.MaxMessageBytes; n > 0 && n < l.MaxEventBytes+leastMessage {
			r.warn(limits+"max_event_bytes", fmt.Sprintf("%d is more than a client can send: sockets.max_message_bytes is %d; write 0 there, or at least %d",
				l.MaxEventBytes, n, l.MaxEventBytes+leastMessage))
		}
	}
	if n := c.Sockets.MaxMessageBytes; n > 0 && n < l.MaxUserInfoBytes+leastMessage {
		r.warn(limits+"max_user_info_bytes", fmt.Sprintf("%d is more than a client can send: sockets.max_message_bytes is %d; write 0 there, or at least %d",
			l.MaxUserInfoBytes, n, l.MaxUserInfoBytes+leastMessage))
	}
	if l.MaxChannelName < len("presence-x") {
		r.warn(limits+"max_channel_name", fmt.Sprintf("%d is too short for any presence channel, whose names begin with presence-", l.MaxChannelName))
	}
	if n := c.HTTP.MaxBodyBytes; n > 0 && n < l.MaxEventBytes+leastMessage {
		r.warn(limits+"max_event_bytes", fmt.Sprintf("%d is more than a request can hold: http.max_body_bytes is %d; write 0 there, or at least %d",
			l.MaxEventBytes, n, l.MaxEventBytes+leastMessage))
	}
	if l.MaxEventBytes > c.Sockets.QueueBytes {
		r.warn(limits+"max_event_bytes", fmt.Sprintf("%d is more than sockets.queue_bytes (%d): two such events disconnect every client that has not yet read the first", l.MaxEventBytes, c.Sockets.QueueBytes))
	}
	if l.MaxCachedBytes > 0 && l.MaxCachedBytes < l.MaxEventBytes {
		r.warn(limits+"max_cached_bytes", fmt.Sprintf("%d is too small for one event of max_event_bytes (%d)", l.MaxCachedBytes, l.MaxEventBytes))
	}
	doubtHistory(a, path, r)
	for i := range a.Webhooks {
		doubtWebhook(c, a, &a.Webhooks[i], fmt.Sprintf("%s.webhooks.%d", path, i), r)
	}
}

func doubtWebhook(c *Config, a *App, h *Webhook, path string, r *report) {
	for i, event := range h.Events {
		p := fmt.Sprintf("%s.events.%d", path, i)
		prefix := h.Filter.ChannelPrefix
		switch {
		case slices.Index(h.Events, event) < i:
			r.warn(p, event+" is listed twice")
		case event == "client_event" && !a.ClientEvents:
			r.warn(p, "is never sent while the app's client_events is false")
		case event == "subscription_count" && !a.SubscriptionCount:
			r.warn(p, "is never sent while the app's subscription_count is false")
		case strings.HasPrefix(event, "member_") && !mayBegin(prefix, "presence-"):
			r.warn(p, fmt.Sprintf("is sent for presence channels only, which channel_prefix %q excludes", prefix))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		switch n := http.CanonicalHeaderKey(name); n {
		case "Content-Type", "Content-Length", "Host", "X-Pusher-Key", "X-Pusher-Signature":
			r.warn(path+".headers."+name, "is never sent: fanfare sets this header itself")
		}
	}
	if a.ClientEvents && (len(h.Events) == 0 || slices.Contains(h.Events, "client_event")) && a.Limits.MaxEventBytes > c.Webhooks.QueueBytes {
		r.warn(path, fmt.Sprintf("cannot keep a client event of max_event_bytes (%d): webhooks.queue_bytes is %d", a.Limits.MaxEventBytes, c.Webhooks.QueueBytes))
	}
}

// mayBegin reports whether a name with the prefix can begin with start too.
func mayBegin(prefix, start string) bool {
	return strings.HasPrefix(prefix, start) || strings.HasPrefix(start, prefix)
}
