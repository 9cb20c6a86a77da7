package config

import (
	"time"

	"fanfare/apps"
)

// App is one application as configured; Registry makes an apps.App of it.
type App struct {
	ID                   string        `key:"id" flag:"app-id" rule:"id" doc:"Id of the app, as in API paths."`
	Key                  string        `key:"key" flag:"app-key" rule:"key" doc:"Public key that clients connect with."`
	Secret               string        `key:"secret" flag:"app-secret" rule:"secret" doc:"Secret that signs API requests, subscriptions and webhooks. Only your servers may know it."`
	Keys                 []Key         `key:"keys" doc:"Further keys that are valid while keys are rotated: newer than key, the oldest first. Webhooks are signed with key."`
	Enabled              bool          `key:"enabled" doc:"false refuses clients with 4003 and API requests with 403."`
	ClientEvents         bool          `key:"client_events" doc:"Let clients send events to each other (client-...)."`
	SubscriptionCount    bool          `key:"subscription_count" doc:"Send the number of subscribers of a channel to its subscribers (pusher_internal:subscription_count). Presence and encrypted channels never get it."`
	Watchlist            bool          `key:"watchlist" doc:"Send signed-in users an event when a user on their watchlist comes online or goes offline."`
	RequireTLS           bool          `key:"require_tls" doc:"Refuse unencrypted connections with 4000. Needs tls.cert_file, or a proxy in http.trusted_proxies that sends X-Forwarded-Proto."`
	RequireAuthorization bool          `key:"require_authorization" doc:"Close connections with 4009 that have neither signed in nor joined a private or presence channel within authorization_timeout."`
	AuthorizationTimeout time.Duration `key:"authorization_timeout" min:"1s" max:"1h" doc:"Time that require_authorization allows."`
	AllowedOrigins       []string      `key:"allowed_origins" rule:"origin" doc:"Origins of web pages that may connect: \"*\", a host (chat.example), an origin (https://chat.example), subdomains (*.chat.example), file:// or null. A port that is not written is the scheme's own. An empty list allows all."`
	ActivityTimeout      time.Duration `key:"activity_timeout" unset:"true" min:"1s" max:"24h" rule:"whole_seconds" doc:"Time without a message after which client or server sends a ping. 0 takes sockets.activity_timeout."`
	PongTimeout          time.Duration `key:"pong_timeout" unset:"true" min:"1s" max:"10m" doc:"Time to answer a ping before the connection is closed. 0 takes sockets.pong_timeout."`
	CacheTTL             time.Duration `key:"cache_ttl" min:"1s" max:"24h" doc:"Time a cache channel keeps its last event."`
	IdempotencyTTL       time.Duration `key:"idempotency_ttl" unset:"true" min:"1s" max:"24h" doc:"Time in which an API call with an idempotency key that was used is answered as before and delivers nothing (docs/idempotency.md). 0 ignores such keys."`
	History              []HistoryRule `key:"history" doc:"Channels that keep their last events, for clients that come late or come back (docs/history.md). The first rule that fits a channel holds; a channel that none fits keeps nothing."`
	Limits               Limits        `key:"limits" doc:"Limits of the app, of one connection and of one message."`
	Webhooks             []Webhook     `key:"webhooks" doc:"Endpoints that receive the app's events, each with its own events, channels and headers (docs/webhooks.md)."`
}

// Key is one more key of an app with its secret.
type Key struct {
	Key    string `key:"key" rule:"key" doc:"Public key that clients connect with."`
	Secret string `key:"secret" rule:"secret" doc:"Secret that signs with this key."`
}

// Limits mirrors apps.Limits, field by field.
type Limits struct {
	MaxConnections        int `key:"max_connections" min:"0" doc:"Connections of the app, on all nodes together. Further ones are refused with 4004. 0 is no limit."`
	MaxChannels           int `key:"max_channels" min:"0" doc:"Channels of the app that have a subscriber on one node. Subscriptions to further ones are refused with LimitReached. 0 is no limit."`
	MaxAppSubscriptions   int `key:"max_app_subscriptions" min:"0" doc:"Subscriptions of all connections of the app on one node, and watched users. Further ones are refused with LimitReached. 0 is no limit."`
	MaxHeldBytes          int `key:"max_held_bytes" min:"0" doc:"Memory that one node may hold for the app, in bytes: fanfare_app_held_bytes is what it holds. Above it subscriptions are refused with LimitReached. 0 is no limit."`
	MaxSubscriptions      int `key:"max_subscriptions" min:"1" doc:"Channels that one connection may subscribe to."`
	MaxPresenceMembers    int `key:"max_presence_members" min:"0" doc:"Users in one presence channel. 0 is no limit."`
	MaxCachedBytes        int `key:"max_cached_bytes" min:"0" doc:"Memory for the events of cache channels, in bytes. Above it the oldest are dropped before cache_ttl. 0 is no limit but a share of runtime.memory_limit, which holds besides (docs/security.md)."`
	MaxHistoryBytes       int `key:"max_history_bytes" min:"0" doc:"Memory for the history of channels, in bytes. Above it the oldest events are dropped before their ttl. 0 is no limit but a share of runtime.memory_limit, which holds besides (docs/security.md)."`
	MaxUserInfoBytes      int `key:"max_user_info_bytes" min:"2" doc:"Largest user_info of a presence member, in bytes."`
	MaxChannelName        int `key:"max_channel_name" min:"1" max:"10000" doc:"Longest name of a channel, in characters."`
	MaxEventName          int `key:"max_event_name" min:"1" max:"10000" doc:"Longest name of an event, in characters."`
	MaxEventBytes         int `key:"max_event_bytes" min:"1" max:"16777216" doc:"Largest data of one event, from the API or a client, in bytes."`
	MaxEventChannels      int `key:"max_event_channels" min:"1" max:"10000" doc:"Channels that one API event may name."`
	MaxBatchEvents        int `key:"max_batch_events" min:"1" max:"10000" doc:"Events in one API batch."`
	ClientEventsPerSecond int `key:"client_events_per_second" min:"0" doc:"Client events of one connection. 0 is no limit."`
	SubscribesPerSecond   int `key:"subscribes_per_second" min:"0" doc:"Subscriptions of one connection, after a first burst of max_subscriptions. Those that cause much count for more (docs/security.md). 0 is no limit."`
	EventsPerSecond       int `key:"events_per_second" min:"0" doc:"API events of the app, on all nodes together. Further ones are refused with 429. 0 is no limit."`
}

// Webhook is one endpoint of an app and what it is told.
type Webhook struct {
	URL     string            `key:"url" rule:"url" doc:"URL that events are posted to, http or https."`
	Events  []string          `key:"events" oneof:"channel_occupied channel_vacated member_added member_removed client_event cache_miss subscription_count" doc:"Events sent to the endpoint. An empty list sends all."`
	Batch   WebhookBatch      `key:"batch" doc:"Several events in one request."`
	Filter  WebhookFilter     `key:"filter" doc:"Channels whose events are sent."`
	Headers map[string]string `key:"headers" rule:"headers" doc:"Headers added to each request. Content-Type, X-Pusher-Key and X-Pusher-Signature cannot be replaced."`
}

// WebhookBatch gathers the events of an interval into one request.
type WebhookBatch struct {
	Enabled  bool          `key:"enabled" doc:"Collect events and send them together."`
	Interval time.Duration `key:"interval" min:"10ms" max:"1m" doc:"Time that events are collected."`
}

// WebhookFilter narrows a webhook to some channels. Conditions that are set
// must all hold.
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

// Registry makes the registry of the configured apps.
func (c *Config) Registry() (*apps.Registry, error) { return apps.NewRegistry(c.AppList()) }

// AppList is the apps as a Registry takes them.
func (c *Config) AppList() []apps.App {
	list := make([]apps.App, 0, len(c.Apps))
	for i := range c.Apps {
		app := c.Apps[i].app()
		if app.ActivityTimeout == 0 {
			app.ActivityTimeout = c.Sockets.ActivityTimeout
		}
		if app.PongTimeout == 0 {
			app.PongTimeout = c.Sockets.PongTimeout
		}
		list = append(list, app)
	}
	return list
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
