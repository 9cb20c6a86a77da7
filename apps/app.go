// Package apps holds the tenants of a server: what an application is, which
// keys sign for it, what it may do, and the registry that finds it by id or
// key. It knows nothing of sockets, HTTP or configuration files; config fills
// a Registry and everything else reads from it.
package apps

import "time"

// App is one tenant. An App is immutable once it is in a Registry: a change
// replaces it.
type App struct {
	// ID names the app in REST paths (/apps/ID/...).
	ID string
	// Keys are the active keys, the oldest first. The first signs webhooks.
	Keys []Key
	// Enabled is false for an app that is refused with 4003 and HTTP 403.
	Enabled bool
	// ClientEvents allows events sent by clients (client-...).
	ClientEvents bool
	// SubscriptionCount sends pusher_internal:subscription_count to channels
	// that are neither presence channels nor encrypted ones.
	SubscriptionCount bool
	// Watchlist sends online and offline events of watched users.
	Watchlist bool
	// RequireTLS refuses plain connections with 4000.
	RequireTLS bool
	// RequireAuthorization closes a socket with 4009 that has neither signed
	// in nor joined a private or presence channel within AuthorizationTimeout.
	RequireAuthorization bool
	// AuthorizationTimeout is the time allowed by RequireAuthorization.
	AuthorizationTimeout time.Duration
	// AllowedOrigins are the pages let in, as OriginPattern reads them. Empty
	// means every page.
	AllowedOrigins []string
	// ActivityTimeout is the silence after which either side pings. Proxies cut
	// connections that are silent for 60 s, nginx and ALB among them.
	ActivityTimeout time.Duration
	// PongTimeout is how long an answer to a ping may take.
	PongTimeout time.Duration
	// CacheTTL is how long a cache channel remembers its last event.
	CacheTTL time.Duration
	// IdempotencyTTL is how long the idempotency key of a call of the API is
	// remembered; 0 is not at all.
	IdempotencyTTL time.Duration
	// History says which channels keep their events; HistoryOf reads it.
	History []HistoryRule
	Limits  Limits
}

// Key is one key of an app with the secret that signs for it.
type Key struct {
	Key    string
	Secret string
}

// Limits bound what one app, one socket or one message may use. 0 means
// unlimited where the comment says so.
type Limits struct {
	MaxConnections        int // sockets of the app on all nodes; 0 is unlimited
	MaxChannels           int // channels of the app with a subscriber on this node; 0 is unlimited
	MaxAppSubscriptions   int // of all sockets of the app on this node, watched users included; 0 is unlimited
	MaxHeldBytes          int // memory held for the app on this node; 0 is unlimited
	MaxSubscriptions      int // channels per socket
	MaxPresenceMembers    int // users per presence channel; 0 is unlimited
	MaxCachedBytes        int // what cache channels of the app remember on this node; 0 is unlimited
	MaxHistoryBytes       int // what channels of the app with a history keep, on this node or in the cluster; 0 is unlimited
	MaxUserInfoBytes      int // user_info of a presence member
	MaxChannelName        int // characters
	MaxEventName          int // characters
	MaxEventBytes         int // data of one event, from the API or a client
	MaxEventChannels      int // channels of one API event
	MaxBatchEvents        int // events of one batch
	ClientEventsPerSecond int // per socket; 0 is unlimited
	SubscribesPerSecond   int // per socket, after a burst of MaxSubscriptions; 0 is unlimited
	EventsPerSecond       int // API events of the app on all nodes; 0 is unlimited
}

// DefaultLimits are Pusher's own limits where it documents them
// (docs/spec/limits.md#limits).
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

// Default is an enabled app with every default and no id or key.
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
