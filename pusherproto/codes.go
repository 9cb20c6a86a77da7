package pusherproto

// Codes of pusher:error and of WebSocket close frames. After 4000–4099 pusher-js does not reconnect,
// after 4100–4199 it reconnects in a second, after 4200–4299 at once. 4300 and above are only for
// pusher:error, never for a close frame.
const (
	CodeNone               = 0    // null on the wire: an error that leaves the connection open
	CodeTLSRequired        = 4000 // the app accepts wss:// only
	CodeUnknownApp         = 4001 // no app has this key
	CodeAppDisabled        = 4003
	CodeOverQuota          = 4004 // the app is over its connection quota
	CodePathNotFound       = 4005 // the path of the upgrade request is not /app/KEY
	CodeInvalidVersion     = 4006 // protocol is not an integer
	CodeUnsupportedVersion = 4007 // protocol is an integer outside 4…7
	CodeNoVersion          = 4008 // protocol is missing
	CodeUnauthorized       = 4009 // the origin or the sign-in is refused, or the app terminated the user's connections
	CodeOverCapacity       = 4100 // the node is full or restarting, or the client reads too slowly
	CodeReconnect          = 4200 // the node shuts down and another node can take the client
	CodePongTimeout        = 4201 // no answer to a ping
	CodeClientEvent        = 4301 // a client event was over the rate limit
	CodeWatchlist          = 4302 // a watchlist was longer than 100
)

// Names of the protocol's own events. The comment says who sends each.
const (
	EventSubscribe   = "pusher:subscribe"   // client
	EventUnsubscribe = "pusher:unsubscribe" // client
	EventSignin      = "pusher:signin"      // client
	EventPing        = "pusher:ping"        // both
	EventPong        = "pusher:pong"        // both

	EventConnectionEstablished = "pusher:connection_established"          // server, always the first frame
	EventError                 = "pusher:error"                           // server
	EventSigninSuccess         = "pusher:signin_success"                  // server
	EventCacheMiss             = "pusher:cache_miss"                      // server
	EventSubscriptionError     = "pusher:subscription_error"              // server
	EventSubscriptionSucceeded = "pusher_internal:subscription_succeeded" // server
	EventMemberAdded           = "pusher_internal:member_added"           // server
	EventMemberRemoved         = "pusher_internal:member_removed"         // server
	EventSubscriptionCount     = "pusher_internal:subscription_count"     // server
	EventWatchlistEvents       = "pusher_internal:watchlist_events"       // server

	EventRecoveryFailed = "fanfare:recovery_failed" // server, only to clients that recover
)

// Prefixes that decide what an event name means.
const (
	PrefixPusher   = "pusher:"
	PrefixInternal = "pusher_internal:"
	PrefixClient   = "client-"
)

// Fixed limits of the protocol (docs/spec/limits.md#limits). KB is 1024 bytes; a value equal to the
// limit is accepted.
const (
	maxUserID       = 128
	maxUserData     = 32 << 10
	maxWatchlist    = 100
	maxAuthSkew     = 600 // maximum difference between an API request's timestamp and the server's clock, in seconds
	minVersion      = 4
	maxVersion      = 7
	defaultActivity = 30 // seconds
)

// Used where a Limits field, or another limit given by the caller, is zero.
const (
	defaultChannelName   = 200
	defaultEventName     = 200
	defaultEventBytes    = 10240
	defaultEventChannels = 100
	defaultBatchEvents   = 10
	defaultUserInfo      = 2 << 10
)
