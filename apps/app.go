// Package apps holds the apps of a server: their keys, options and limits, and
// the registry that finds an app by id or key. It does not know sockets, HTTP
// or configuration files; package config fills a Registry, and all other
// packages read from it.
package apps

import "time"

// App is one app. An App is immutable once it is in a Registry: a change
// replaces it.
type App struct {
	// ID identifies the app in the paths of the HTTP API (/apps/ID/...).
	ID string
	// Keys are the active keys, the oldest first. The first one signs webhooks.
	Keys []Key
	// Enabled is false for an app whose clients are refused with 4003, and
	// whose HTTP requests with 403.
	Enabled bool
	// ClientEvents allows clients to send events (client-...).
	ClientEvents bool
	// SubscriptionCount enables pusher_internal:subscription_count on channels
	// that are neither presence channels nor encrypted.
	SubscriptionCount bool
	// Watchlist enables online and offline events about watched users.
	Watchlist bool
	// RequireTLS refuses connections without TLS with 4000.
	RequireTLS bool
	// RequireAuthorization closes a socket with 4009 if it has neither signed
	// in nor joined a private or presence channel within AuthorizationTimeout.
	RequireAuthorization bool
	// AuthorizationTimeout is the time allowed by RequireAuthorization.
	AuthorizationTimeout time.Duration
	// AllowedOrigins are the origins of pages that may connect, in the form
	// that ParseOriginPattern reads. An empty list allows every page.
	AllowedOrigins []string
	// ActivityTimeout is the time without messages after which either side
	// sends a ping. Proxies such as nginx and ALB close connections that are
	// idle for 60 s.
	ActivityTimeout time.Duration
	// PongTimeout is the maximum time for the answer to a ping.
	PongTimeout time.Duration
	// CacheTTL is how long a cache channel stores its last event.
	CacheTTL time.Duration
	// IdempotencyTTL is how long the idempotency key of an HTTP API request is
	// stored; 0 means not at all.
	IdempotencyTTL time.Duration
	// History are the rules of channel histories. HistoryOf returns the rule of a channel.
	History []HistoryRule
	Limits  Limits
}

// Key is a key of an app with its secret.
type Key struct {
	Key    string
	Secret string
}

// Limits bound what one app, one socket or one message may use. 0 means
// unlimited where the comment says so. Sizes are in bytes.
type Limits struct {
	MaxConnections        int // sockets of the app on all nodes; 0 is unlimited
	MaxChannels           int // channels of the app with a subscriber, per node; 0 is unlimited
	MaxAppSubscriptions   int // subscriptions and watched users of all sockets of the app, per node; 0 is unlimited
	MaxHeldBytes          int // memory held for the app, per node; 0 is unlimited
	MaxSubscriptions      int // channels per socket
	MaxPresenceMembers    int // users per presence channel; 0 is unlimited
	MaxCachedBytes        int // cached events of the app's cache channels, per node; 0 is unlimited
	MaxHistoryBytes       int // events in the app's histories, on a single node or in the cluster; 0 is unlimited
	MaxUserInfoBytes      int // size of a presence member's user_info
	MaxChannelName        int // characters
	MaxEventName          int // characters
	MaxEventBytes         int // size of one event's data, from the API or a client
	MaxEventChannels      int // channels per API event
	MaxBatchEvents        int // events per batch
	ClientEventsPerSecond int // per socket; 0 is unlimited
	SubscribesPerSecond   int // per socket, after a burst of MaxSubscriptions; 0 is unlimited
	EventsPerSecond       int // API events of the app, on all nodes together; 0 is unlimited
}

// DefaultLimits returns the default limits: Pusher's own where it documents
// them (docs/spec/limits.md#limits).
func DefaultLimits() Limits {
	return Limits{
		MaxSubscriptions:      1000,
		MaxPresenceMembers:    100,
		MaxCachedBytes:        256 << 20,
		MaxHistoryBytes:       256 << 20,
		MaxUserInfoBytes:      2048,
		MaxChannelName:        200,
		MaxEventName:          200,
		MaxEventBytes:         10240,
		MaxEventChannels:      100,
		MaxBatchEvents:        10,
		ClientEventsPerSecond: 10,
		SubscribesPerSecond:   100,
	}
}

// Default returns an enabled app with the default options, without id and keys.
func Default() App {
	return App{
		Enabled:              true,
		ClientEvents:         true,
		Watchlist:            true,
		AuthorizationTimeout: 30 * time.Second,
		AllowedOrigins:       []string{"*"},
		ActivityTimeout:      30 * time.Second,
		PongTimeout:          30 * time.Second,
		CacheTTL:             30 * time.Minute,
		IdempotencyTTL:       2 * time.Minute,
		Limits:               DefaultLimits(),
	}
}

// Secret returns the secret of one of the app's active keys.
func (a *App) Secret(key string) (string, bool) {
	for _, k := range a.Keys {
		if k.Key == key {
			return k.Secret, true
		}
	}
	return "", false
}
