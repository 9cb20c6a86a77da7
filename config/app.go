package config

import (
	"time"

	"fanfare/apps"
)

// App is one application as configured; Registry makes an apps.App of it.
type App struct {
	ID                   string        `key:"id" flag:"app-id" rule:"id" doc:"Name of the app in API paths."`
	Key                  string        `key:"key" flag:"app-key" rule:"key" doc:"Public key that clients connect with."`
	Secret               string        `key:"secret" flag:"app-secret" rule:"secret" doc:"Secret that signs requests, subscriptions and webhooks. It never reaches a client."`
	Keys                 []Key         `key:"keys" doc:"Further active keys while keys are rotated, newer than key and the oldest first. The first of all signs webhooks."`
	Enabled              bool          `key:"enabled" doc:"false refuses clients with 4003 and API requests with 403."`
	ClientEvents         bool          `key:"client_events" doc:"Let clients send client- events."`
	SubscriptionCount    bool          `key:"subscription_count" doc:"Tell channels how many sockets subscribe to them."`
	Watchlist            bool          `key:"watchlist" doc:"Tell signed-in users when those they watch come and go."`
	RequireTLS           bool          `key:"require_tls" doc:"Refuse clients on plain connections with 4000."`
	RequireAuthorization bool          `key:"require_authorization" doc:"Close sockets with 4009 that neither sign in nor join a private or presence channel in time."`
	AuthorizationTimeout time.Duration `key:"authorization_timeout" min:"1s" max:"1h" doc:"The time require_authorization gives."`
	AllowedOrigins       []string      `key:"allowed_origins" rule:"origin" doc:"Browser origins let in: \"*\", a host, an origin (https://chat.example) or a wildcard (*.example). An empty list lets in all."`
	ActivityTimeout      time.Duration `key:"activity_timeout" unset:"true" min:"1s" max:"24h" rule:"whole_seconds" doc:"Silence after which a side asks whether the other is alive; 0 is that of sockets.activity_timeout."`
	PongTimeout          time.Duration `key:"pong_timeout" unset:"true" min:"1s" max:"10m" doc:"Time to answer that question; 0 is that of sockets.pong_timeout."`
	CacheTTL             time.Duration `key:"cache_ttl" min:"1s" max:"24h" doc:"How long a cache channel remembers its last event."`
	Limits               Limits        `key:"limits" doc:"What the app, one socket or one message may use."`
	Webhooks             []Webhook     `key:"webhooks" doc:"Endpoints told what happens in channels, each with its own events, channels and headers (docs/webhooks.md)."`
}

// Key is one more key of an app with its secret.
type Key struct {
	Key    string `key:"key" rule:"key" doc:"Public key."`
	Secret string `key:"secret" rule:"secret" doc:"Its secret."`
}

// Limits mirrors apps.Limits, field by field.
type Limits struct {
	MaxConnections        int `key:"max_connections" min:"0" doc:"Sockets of the app; further ones are refused with 4004. 0 is unlimited."`
	MaxSubscriptions      int `key:"max_subscriptions" min:"1" doc:"Channels of one socket."`
	MaxPresenceMembers    int `key:"max_presence_members" min:"0" doc:"Users of one presence channel; 0 is unlimited."`
	MaxCachedBytes        int `key:"max_cached_bytes" min:"0" doc:"Bytes of memory for the events that cache channels remember; over them the oldest are forgotten before their time. 0 is unlimited."`
	MaxUserInfoBytes      int `key:"max_user_info_bytes" min:"2" doc:"Bytes of a presence member's user_info."`
	MaxChannelName        int `key:"max_channel_name" min:"1" max:"10000" doc:"Characters of a channel name."`
	MaxEventName          int `key:"max_event_name" min:"1" max:"10000" doc:"Characters of an event name."`
	MaxEventBytes         int `key:"max_event_bytes" min:"1" max:"16777216" doc:"Bytes of one event's data, from the API or a client."`
	MaxEventChannels      int `key:"max_event_channels" min:"1" max:"10000" doc:"Channels of one API event."`
	MaxBatchEvents        int `key:"max_batch_events" min:"1" max:"10000" doc:"Events of one API batch."`
	ClientEventsPerSecond int `key:"client_events_per_second" min:"0" doc:"Client events of one socket; 0 is unlimited."`
	SubscribesPerSecond   int `key:"subscribes_per_second" min:"0" doc:"Subscriptions one socket may make, again and again, after as many at once as max_subscriptions. 0 is unlimited."`
	EventsPerSecond       int `key:"events_per_second" min:"0" doc:"API events of the app; further ones are refused with 429. 0 is unlimited."`
}

// Webhook is one endpoint of an app and what it is told.
type Webhook struct {
	URL     string            `key:"url" rule:"url" doc:"Address the hook is posted to, http or https."`
	Events  []string          `key:"events" oneof:"channel_occupied channel_vacated member_added member_removed client_event cache_miss subscription_count" doc:"Events told; an empty list is all."`
	Batch   WebhookBatch      `key:"batch" doc:"Several events in one request."`
	Filter  WebhookFilter     `key:"filter" doc:"Which channels are told of."`
	Headers map[string]string `key:"headers" rule:"headers" doc:"Headers added to each request. Content-Type, X-Pusher-Key and X-Pusher-Signature stay ours."`
}

// WebhookBatch gathers the events of an interval into one request.
type WebhookBatch struct {
	Enabled  bool          `key:"enabled" doc:"Gather events."`
	Interval time.Duration `key:"interval" min:"10ms" max:"1m" doc:"How long events are gathered."`
}

// WebhookFilter narrows a webhook to some channels. Conditions that are set
// must all hold.
type WebhookFilter struct {
	ChannelPrefix   string   `key:"channel_prefix" rule:"channel_part" doc:"Only channels whose name begins so; empty is all."`
	ChannelSuffix   string   `key:"channel_suffix" rule:"channel_part" doc:"Only channels whose name ends so; empty is all."`
	ChannelPattern  string   `key:"channel_pattern" rule:"pattern" doc:"Only channels whose name this regular expression matches; empty is all."`
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
		Limits:               apps.Limits(a.Limits),
	}
}
