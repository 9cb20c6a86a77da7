package config

import (
	"time"

	"fanfare/apps"
)

// App is one application as configured; Registry makes an apps.App of it.
type App struct {
	ID                   string        `key:"id" flag:"app-id" rule:"id" doc:"Id of the app, used in API paths."`
	Key                  string        `key:"key" flag:"app-key" rule:"key" doc:"Public key that clients connect with."`
	Secret               string        `key:"secret" flag:"app-secret" rule:"secret" doc:"Secret that signs API requests, subscriptions and webhooks. Only your servers may know it."`
	Keys                 []Key         `key:"keys" doc:"Additional keys accepted during a rotation, oldest first. Webhooks are signed with key."`
	Enabled              bool          `key:"enabled" doc:"If false, clients are refused with 4003 and API requests with 403."`
	ClientEvents         bool          `key:"client_events" doc:"Let clients send events to each other (client-...)."`
	SubscriptionCount    bool          `key:"subscription_count" doc:"Send the number of subscribers of a channel to its subscribers (pusher_internal:subscription_count). Presence and encrypted channels never get it."`
	Watchlist            bool          `key:"watchlist" doc:"Send signed-in users an event when a user on their watchlist comes online or goes offline."`
	RequireTLS           bool          `key:"require_tls" doc:"Refuse unencrypted connections with 4000. Needs tls.cert_file, or a proxy in http.trusted_proxies that sends X-Forwarded-Proto."`
	RequireAuthorization bool          `key:"require_authorization" doc:"Close connections with 4009 that have neither signed in nor joined a private or presence channel within authorization_timeout."`
	AuthorizationTimeout time.Duration `key:"authorization_timeout" min:"1s" max:"1h" doc:"Time allowed by require_authorization."`
	AllowedOrigins       []string      `key:"allowed_origins" rule:"origin" doc:"Origins of web pages that may connect: \"*\", a host (chat.example), an origin (https://chat.example), subdomains (*.chat.example), file:// or null. Without a port, the default port of the scheme is meant. An empty list allows all."`
	ActivityTimeout      time.Duration `key:"activity_timeout" unset:"true" min:"1s" max:"24h" rule:"whole_seconds" doc:"Idle time after which the client or the server sends a ping. 0 uses sockets.activity_timeout."`
	PongTimeout          time.Duration `key:"pong_timeout" unset:"true" min:"1s" max:"10m" doc:"Time allowed to answer a ping before the connection is closed. 0 uses sockets.pong_timeout."`
	CacheTTL             time.Duration `key:"cache_ttl" min:"1s" max:"24h" doc:"Time that a cache channel keeps its last event."`
	IdempotencyTTL       time.Duration `key:"idempotency_ttl" unset:"true" min:"1s" max:"24h" doc:"Time for which an idempotency key is remembered. An API call that repeats a key gets the first answer and delivers nothing (docs/idempotency.md). 0 ignores the keys."`
	History              []HistoryRule `key:"history" doc:"Channels that keep their last events, for clients that join late or reconnect (docs/history.md). The first rule that matches a channel applies; a channel without a rule keeps nothing."`
	Limits               Limits        `key:"limits" doc:"Limits of the app, of one connection and of one message."`
	Webhooks             []Webhook     `key:"webhooks" doc:"Endpoints that receive the app's events, each with its own events, channels and headers (docs/webhooks.md)."`
}

// Key is an additional key of an app, with its secret.
type Key struct {
	Key    string `key:"key" rule:"key" doc:"Public key that clients connect with."`
	Secret string `key:"secret" rule:"secret" doc:"Secret that belongs to this key."`
}

// Limits mirrors apps.Limits, field by field.
type Limits struct {
	MaxConnections        int `key:"max_connections" min:"0" doc:"Maximum number of connections to the app, on all nodes together. Further ones are refused with 4004. 0 means no limit."`
	MaxChannels           int `key:"max_channels" min:"0" doc:"Maximum number of the app's channels that have a subscriber, per node. Subscriptions to further channels are refused with LimitReached. 0 means no limit."`
	MaxAppSubscriptions   int `key:"max_app_subscriptions" min:"0" doc:"Maximum number of subscriptions and watched users of all the app's connections, per node. Further ones are refused with LimitReached. 0 means no limit."`
	MaxHeldBytes          int `key:"max_held_bytes" min:"0" doc:"Maximum memory that one node holds for the app, in bytes, as in the metric fanfare_app_held_bytes. Above it subscriptions are refused with LimitReached. 0 means no limit."`
	MaxSubscriptions      int `key:"max_subscriptions" min:"1" doc:"Maximum number of channels that one connection subscribes to."`
	MaxPresenceMembers    int `key:"max_presence_members" min:"0" doc:"Maximum number of users in one presence channel. 0 means no limit."`
	MaxCachedBytes        int `key:"max_cached_bytes" min:"0" doc:"Maximum memory for the events of cache channels, in bytes. Above it the oldest are dropped before cache_ttl. 0 means no limit of its own. A share of runtime.memory_limit bounds it as well (docs/security-limits.md)."`
	MaxHistoryBytes       int `key:"max_history_bytes" min:"0" doc:"Maximum memory for the history of channels, in bytes. Above it the oldest events are dropped before their ttl. 0 means no limit of its own. A share of runtime.memory_limit bounds it as well (docs/security-limits.md)."`
	MaxUserInfoBytes      int `key:"max_user_info_bytes" min:"2" doc:"Maximum size of the user_info of a presence member, in bytes."`
	MaxChannelName        int `key:"max_channel_name" min:"1" max:"10000" doc:"Maximum length of a channel name, in characters."`
	MaxEventName          int `key:"max_event_name" min:"1" max:"10000" doc:"Maximum length of an event name, in characters."`
	MaxEventBytes         int `key:"max_event_bytes" min:"1" max:"16777216" doc:"Maximum size of the data of one event, from the API or a client, in bytes."`
	MaxEventChannels      int `key:"max_event_channels" min:"1" max:"10000" doc:"Maximum number of channels that one API event names."`
	MaxBatchEvents        int `key:"max_batch_events" min:"1" max:"10000" doc:"Maximum number of events in one API batch."`
	ClientEventsPerSecond int `key:"client_events_per_second" min:"0" doc:"Maximum number of client events per second from one connection. 0 means no limit."`
	SubscribesPerSecond   int `key:"subscribes_per_second" min:"0" doc:"Maximum number of subscriptions per second from one connection, after a first burst of max_subscriptions. A subscription that causes much work counts for more than one (docs/security-limits.md). 0 means no limit."`
	EventsPerSecond       int `key:"events_per_second" min:"0" doc:"Maximum number of API events per second of the app, on all nodes together. Further ones are refused with 429. 0 means no limit."`
}

// Webhook is one endpoint of an app, with the events that it receives.
type Webhook struct {
	URL     string            `key:"url" rule:"url" doc:"URL that events are posted to, http or https."`
	Events  []string          `key:"events" oneof:"channel_occupied channel_vacated member_added member_removed client_event cache_miss subscription_count" doc:"Events sent to the endpoint. An empty list sends all."`
	Batch   WebhookBatch      `key:"batch" doc:"Several events in one request."`
	Filter  WebhookFilter     `key:"filter" doc:"Channels whose events are sent. A channel must meet all conditions that are set."`
	Headers map[string]string `key:"headers" rule:"headers" doc:"Headers added to each request. Content-Type, X-Pusher-Key and X-Pusher-Signature cannot be replaced."`
}

// WebhookBatch collects the events of an interval into one request.
type WebhookBatch struct {
	Enabled  bool          `key:"enabled" doc:"Collect events and send them together."`
	Interval time.Duration `key:"interval" min:"10ms" max:"1m" doc:"Time for which events are collected before they are sent."`
}

// WebhookFilter limits a webhook to some channels. A channel must meet all
// conditions that are set.
type WebhookFilter struct {
	ChannelPrefix   string   `key:"channel_prefix" rule:"channel_part" doc:"Only channels whose name begins with this. Empty sends all."`
	ChannelSuffix   string   `key:"channel_suffix" rule:"channel_part" doc:"Only channels whose name ends with this. Empty sends all."`
	ChannelPattern  string   `key:"channel_pattern" rule:"pattern" doc:"Only channels whose name matches this regular expression. Empty sends all."`
	ExcludePrefixes []string `key:"exclude_prefixes" rule:"channel_part" doc:"No channels whose name begins with one of these."`
}

// defaultWebhook is an endpoint with every default and no url.
func defaultWebhook() Webhook {
	return Webhook{Batch: WebhookBatch{Interval: time.Second}}
}

// Registry returns a registry of the configured apps.
func (c *Config) Registry() (*apps.Registry, error) { return apps.NewRegistry(c.AppList()) }

// AppList returns the apps in the form that a Registry takes.
func (c *Config) AppList() []apps.App {
	list := make([]apps.App, 0, len(c.Apps))
	for i := range c.Apps {
		list = append(list, c.Resolve(&c.Apps[i]))
	}
	return list
}

// Resolve converts an app to the form that the server uses, with the server's
// own settings as defaults. The app need not be in Apps.
func (c *Config) Resolve(a *App) apps.App {
	app := a.app()
	if app.ActivityTimeout == 0 {
		app.ActivityTimeout = c.Sockets.ActivityTimeout
	}
	if app.PongTimeout == 0 {
		app.PongTimeout = c.Sockets.PongTimeout
	}
	return app
}

func (a *App) app() apps.App {
	keys := []apps.Key{{Key: a.Key, Secret: a.Secret}}
	for _, k := range a.Keys {
		keys = append(keys, apps.Key(k))
	}
	var history []apps.HistoryRule
	for _, h := range a.History {
		history = append(history, apps.HistoryRule(h))
	}
	return apps.App{
		ID:                   a.ID,
		Keys:                 keys,
		Enabled:              a.Enabled,
		ClientEvents:         a.ClientEvents,
		SubscriptionCount:    a.SubscriptionCount,
		Watchlist:            a.Watchlist,
		RequireTLS:           a.RequireTLS,
		RequireAuthorization: a.RequireAuthorization,
		AuthorizationTimeout: a.AuthorizationTimeout,
		AllowedOrigins:       a.AllowedOrigins,
		ActivityTimeout:      a.ActivityTimeout,
		PongTimeout:          a.PongTimeout,
		CacheTTL:             a.CacheTTL,
		IdempotencyTTL:       a.IdempotencyTTL,
		History:              history,
		Limits:               apps.Limits(a.Limits),
	}
}
