package channels

import (
	"context"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// Cluster holds the state that all nodes share: which sockets are on which channel,
// which users are signed in, and the cached events. The Hub requests every change
// from it and continues when it answers: at once in memory, after a round trip over
// a network.
//
// Requests about one socket are carried out in the order they were made. An
// answer function is called exactly once, on any goroutine, possibly before
// the method returns, and in order with the frames that the cluster hands to
// Node.Deliver: a frame delivered after the answer is newer than it.
type Cluster interface {
	// Admit counts a socket in among those of the app, or refuses it. It returns
	// true if the socket is in. Else answer is called later, with nil when the
	// socket is in. A node on its own counts by itself, and does not ask.
	Admit(app *apps.App, answer func(refusal *pusherproto.Error)) bool
	// Depart counts a socket out that was in.
	Depart(app *apps.App)
	// Sockets is the number of counted sockets of the app on all nodes, as far as
	// this node knows. A single node counts by itself, and does not call it.
	Sockets(app *apps.App) int
	// Join counts a socket in on a channel, or refuses it.
	Join(j Join, answer func(Joined))
	// Leave counts a socket out again.
	Leave(l Leave)
	// Publish delivers a frame to the channel on every node and, if asked,
	// remembers it as the channel's cached event. It reports whether the event was
	// accepted; an event that was not is delivered to nobody. A publication with
	// Accepted always returns true. A single node accepts every event.
	Publish(p Publication) (taken bool)
	// SignIn counts a socket of a user in and answers with the state of the
	// watched users.
	SignIn(in SignIn, answer func(SignedIn))
	// SignOut counts a socket of a user out.
	SignOut(out SignOut)
	// Terminate closes every socket signed in as the user, on every node. It and
	// the questions that follow return when their context ends.
	Terminate(ctx context.Context, app *apps.App, userID string) error
	// Channels lists occupied channels whose name begins with prefix.
	Channels(ctx context.Context, app *apps.App, prefix string) ([]ChannelInfo, error)
	// Channel describes one channel, occupied or not.
	Channel(ctx context.Context, app *apps.App, name string) (ChannelInfo, error)
	// Members lists the user ids on a presence channel as they joined.
	Members(ctx context.Context, app *apps.App, name string) ([]string, error)
	// History reads what a channel keeps, nothing if it keeps nothing.
	History(ctx context.Context, app *apps.App, channel string, q HistoryQuery) (HistoryPage, error)
	// ClearHistory empties the history of a channel. A client that recovers from an
	// earlier serial is refused.
	ClearHistory(ctx context.Context, app *apps.App, channel string) error
	// Run keeps the cluster's time and traffic until ctx is done.
	Run(ctx context.Context) error
}

// Node is the part of the Hub that a Cluster talks to. Its methods do not
// block and may be called under the cluster's locks.
type Node interface {
	// Deliver queues a frame for the channel's subscribers on this node. A
	// socket with the id except does not get it.
	Deliver(app *apps.App, channel string, f *Frame, except pusherproto.SocketID)
	// CloseUser closes the sockets on this node that are signed in as the user.
	CloseUser(app *apps.App, userID string, code int, text string)
	// CloseSubscribers closes the sockets on this node that are subscribed to the
	// channel.
	CloseSubscribers(app *apps.App, channel string, code int, text string)
	// DeliverToWatchers queues a frame for the sockets on this node whose
	// watchlist holds the user.
	DeliverToWatchers(app *apps.App, userID string, f *Frame)
	// Observe passes on what happened.
	Observe(n Notice)
	// Account is where the cluster enters what it holds for the app.
	Account(app *apps.App) *account.Account
}

// Join asks that a socket be counted in on a channel.
type Join struct {
	App     *apps.App
	Channel string
	Kind    pusherproto.Kind
	Socket  pusherproto.SocketID
	Member  pusherproto.Member // presence channels
	// Again is set when the socket is subscribed already: the answer is the
	// same but nothing is counted, and nothing of the history is sent.
	Again bool
	// History is the channel's rule, nil if it keeps nothing.
	History *apps.HistoryRule
	// Recover is the serial that the client saw last, "" if it does not ask.
	// RecoverSocket is the socket that saw it: events that were not meant for that
	// socket are left out.
	Recover       string
	RecoverSocket pusherproto.SocketID
}

// Joined answers a Join.
type Joined struct {
	// Refused says why the socket is not on the channel.
	Refused *pusherproto.SubscriptionError
	// Presence is the member list after the join. It may be read during the
	// answer only.
	Presence *Presence
	// Cached is the cache channel's event as first sent, nil if there is none.
	Cached *Frame
	// Past is the events that the socket is sent first, the oldest first: what it
	// missed, or as many as the rule rewinds.
	Past []*Frame
	// At is the current position of the history, the zero serial if there is none.
	At pusherproto.Serial
	// Lost is why the socket cannot be sent what it missed, nil if it can or does
	// not ask. Past is then that of a socket that does not ask.
	Lost *LostHistory
}

// LostHistory is why a client cannot recover. Its texts are for clients.
type LostHistory struct {
	Reason  string // a word for programs
	Message string
}

// What stands in the way of a recovery.
var (
	LostSerial = &LostHistory{"invalid_serial", "The serial is none of this channel's history"}
	LostEpoch  = &LostHistory{"epoch_changed", "The history was lost or emptied since the serial"}
	LostEvents = &LostHistory{"too_old", "Events that came after the serial are not kept any more"}
	LostBytes  = &LostHistory{"too_long", "More was missed than the server sends at once"}
	LostAway   = &LostHistory{"unavailable", "The history cannot be read at the moment"}
	LostRule   = &LostHistory{"no_history", "The channel keeps no history"}
)

// Leave asks that a socket be counted out.
type Leave struct {
	App     *apps.App
	Channel string
	Kind    pusherproto.Kind
	UserID  string // presence channels
}

// Publication is one event for one channel.
type Publication struct {
	App     *apps.App
	Channel string
	Frame   *Frame
	Except  pusherproto.SocketID
	// Remember is how long a cache channel keeps the event; 0 is not at all.
	Remember time.Duration
	// Data is the event's data as a JSON string literal, for Remember; a part of
	// Frame, its last member before the closing brace.
	Data []byte
	// Client is set for the event of a socket of this node.
	Client bool
	// Keep is the rule of the channel's history if the event is to be kept, else
	// nil. The event's serial is then appended to the frame, which has room for it
	// and is not shared yet.
	Keep *apps.HistoryRule
	// Placed, unless it is nil, is called with the serial of an event that is kept,
	// before Accepted, or before Publish returns where there is none.
	Placed func(pusherproto.Serial)
	// Once, unless it is nil, has the cluster drop the event, as accepted, if one with
	// this claim was published to the channel within the app's IdempotencyTTL. The cluster
	// of a node on its own knows by itself.
	Once *pusherproto.Claim
	// Accepted, unless it is nil, is called exactly once, on any goroutine,
	// possibly before Publish returns: with nil when the event has its place in
	// the order of the channel, with ErrAway or ErrDoubt if that did not come in
	// time, with ErrFull if there is no memory for it. It does not block. The cluster of a node on its own is never given one.
	Accepted func(error)
}

// SignIn asks that a socket be counted in as one of a user's.
type SignIn struct {
	App       *apps.App
	UserID    string
	Watchlist []string
	// Again is set when the socket is signed in as the user already. Replaced is
	// the watchlist of its previous sign-in, which no longer counts. The cluster of
	// a single node never receives one.
	Again    bool
	Replaced []string
}

// SignOut asks that a socket be counted out.
type SignOut struct {
	App    *apps.App
	UserID string
	// Watchlist is that of the socket's last SignIn. The cluster of a node on its
	// own is never given one.
	Watchlist []string
}

// SignedIn answers a SignIn with the watched users, in watchlist order.
type SignedIn struct {
	Online, Offline []string
}

// ChannelInfo describes a channel to the HTTP API.
type ChannelInfo struct {
	Name    string
	Sockets int     // subscription_count; the channel is occupied if not 0
	Users   int     // user_count of a presence channel
	Cached  *Cached // nil when nothing is remembered
}

// HistoryQuery asks for a part of what a channel keeps.
type HistoryQuery struct {
	Limit    int                // the most events
	After    pusherproto.Serial // only later ones; no serial is all
	Before   pusherproto.Serial // only earlier ones; no serial is all
	Backward bool               // the newest first
}

// HistoryPage is a part of what a channel keeps.
type HistoryPage struct {
	Events []HistoryEvent     // in the order asked for
	More   bool               // there are more that fit the query
	At     pusherproto.Serial // where the history stands; no serial if there is none
	// Lost is why events are missing between After, or Before, and those there are;
	// nil if none are or it is not asked.
	Lost *LostHistory
}

// HistoryEvent is an event that is kept.
type HistoryEvent struct {
	Serial  pusherproto.Serial
	Message []byte // the JSON text as sent to subscribers, serial included
	Time    time.Time
	// Client is whether a client sent it, and SocketID whom it was not meant for:
	// the sender, or what the caller of the API excluded.
	Client   bool
	SocketID pusherproto.SocketID
}

// Cached is what a cache channel remembers.
type Cached struct {
	Data []byte        // JSON string literal as published, quotes included
	TTL  time.Duration // time left
}
