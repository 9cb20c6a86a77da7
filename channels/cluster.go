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
// Requests about one socket are executed in the order in which they were made. An
// answer function is called exactly once, on any goroutine, possibly before the
// method returns. Answers are in order with the frames that the cluster passes to
// Node.Deliver: a frame delivered after the answer is newer than the answer.
type Cluster interface {
	// Admit adds a socket to the count of the app's sockets, or refuses it. It
	// returns true if the socket was counted at once. Otherwise answer is called
	// later: with nil if the socket was counted, or with the refusal. The hub of a
	// single node counts by itself; there Admit does nothing.
	Admit(app *apps.App, answer func(refusal *pusherproto.Error)) bool
	// Depart subtracts a socket that Admit has counted.
	Depart(app *apps.App)
	// Sockets returns the number of counted sockets of the app on all nodes, as far
	// as this node knows. The hub of a single node does not call it.
	Sockets(app *apps.App) int
	// Join adds a socket to a channel, or refuses it.
	Join(j Join, answer func(Joined))
	// Leave removes a socket from a channel.
	Leave(l Leave)
	// Publish delivers a frame to the channel on every node and, if the publication
	// says so, stores the event. It reports whether the event was accepted;
	// otherwise nobody receives it. For a publication with Accepted it always
	// returns true. A single node accepts every event.
	Publish(p Publication) (taken bool)
	// SignIn adds a socket to a user and answers with the state of the watched
	// users.
	SignIn(in SignIn, answer func(SignedIn))
	// SignOut removes a socket from a user.
	SignOut(out SignOut)
	// Terminate closes every socket signed in as the user, on every node. This
	// method and the ones below that have a context return when it ends.
	Terminate(ctx context.Context, app *apps.App, userID string) error
	// Channels returns the occupied channels whose name begins with prefix.
	Channels(ctx context.Context, app *apps.App, prefix string) ([]ChannelInfo, error)
	// Channel describes one channel, occupied or not.
	Channel(ctx context.Context, app *apps.App, name string) (ChannelInfo, error)
	// Members returns the user ids on a presence channel in the order they joined.
	Members(ctx context.Context, app *apps.App, name string) ([]string, error)
	// History reads the history of a channel; the page is empty if it has none.
	History(ctx context.Context, app *apps.App, channel string, q HistoryQuery) (HistoryPage, error)
	// ClearHistory clears the history of a channel. A client cannot recover from an
	// earlier serial afterwards.
	ClearHistory(ctx context.Context, app *apps.App, channel string) error
	// Run runs the cluster's timers and connections until ctx is done.
	Run(ctx context.Context) error
}

// Node is the part of the Hub that a Cluster talks to. Its methods do not
// block and may be called under the cluster's locks.
type Node interface {
	// Deliver queues a frame for the channel's subscribers on this node, except the
	// socket with the id except.
	Deliver(app *apps.App, channel string, f *Frame, except pusherproto.SocketID)
	// CloseUser closes the sockets on this node that are signed in as the user.
	CloseUser(app *apps.App, userID string, code int, text string)
	// CloseSubscribers closes the sockets on this node that are subscribed to the
	// channel.
	CloseSubscribers(app *apps.App, channel string, code int, text string)
	// DeliverToWatchers queues a frame for the sockets on this node whose watchlist
	// contains the user.
	DeliverToWatchers(app *apps.App, userID string, f *Frame)
	// Observe passes a notice to the observers.
	Observe(n Notice)
	// Account returns the account that the cluster charges for what it holds for the app.
	Account(app *apps.App) *account.Account
}

// Join is the request to add a socket to a channel.
type Join struct {
	App     *apps.App
	Channel string
	Kind    pusherproto.Kind
	Socket  pusherproto.SocketID
	Member  pusherproto.Member // presence channels
	// Again is set when the socket is subscribed already: the answer is the same,
	// but nothing is counted and no events of the history are sent.
	Again bool
	// History is the channel's rule, nil if it has no history.
	History *apps.HistoryRule
	// Recover is the serial of the last event that the client received, "" if it
	// does not recover. RecoverSocket is the socket that received it: events that
	// excluded this socket are left out.
	Recover       string
	RecoverSocket pusherproto.SocketID
}

// Joined is the answer to a Join.
type Joined struct {
	// Refused is why the socket was not added to the channel, nil if it was.
	Refused *pusherproto.SubscriptionError
	// Presence is the member list after the join. It may be read only while the
	// answer function runs.
	Presence *Presence
	// Cached is the cached event of a cache channel as it was sent, nil if there is none.
	Cached *Frame
	// Past are the events that the socket receives first, the oldest first: those
	// that it missed, or the number that the rule's Rewind says.
	Past []*Frame
	// At is the current position of the history, the zero serial if there is none.
	At pusherproto.Serial
	// Lost is why the socket cannot receive what it missed; nil if it can, or if it
	// does not recover. If Lost is set, Past is what a socket receives that does
	// not recover.
	Lost *LostHistory
}

// LostHistory is why a client cannot recover. Clients receive both texts.
type LostHistory struct {
	Reason  string // an identifier such as "too_old"
	Message string
}

// The reasons why a client cannot recover.
var (
	LostSerial = &LostHistory{"invalid_serial", "The serial does not belong to this channel's history"}
	LostEpoch  = &LostHistory{"epoch_changed", "The history was lost or emptied since the serial"}
	LostEvents = &LostHistory{"too_old", "Events after the serial are no longer stored"}
	LostBytes  = &LostHistory{"too_long", "The client missed more than the server sends at once"}
	LostAway   = &LostHistory{"unavailable", "The history cannot be read at the moment"}
	LostRule   = &LostHistory{"no_history", "The channel keeps no history"}
)

// Leave is the request to remove a socket from a channel.
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
	// Remember is how long a cache channel stores the event; 0 means not at all.
	Remember time.Duration
	// Data is the event's data as a JSON string literal; needed for Remember. It is
	// a slice of Frame, whose last member it is.
	Data []byte
	// Client is set for a client event of a socket on this node.
	Client bool
	// Keep is the rule of the channel's history if the event is to be stored, else
	// nil. The event's serial is then appended to the frame, which must have room
	// for it and must not be shared yet.
	Keep *apps.HistoryRule
	// Placed, if not nil, is called with the serial of a stored event: before
	// Accepted, or before Publish returns if Accepted is nil.
	Placed func(pusherproto.Serial)
	// Once, if not nil, makes the cluster drop the event and report it as accepted,
	// if an event with this claim was published to the channel within the app's
	// IdempotencyTTL. The cluster of a single node ignores it: there the hub checks
	// claims.
	Once *pusherproto.Claim
	// Accepted, if not nil, is called exactly once, on any goroutine, possibly
	// before Publish returns. Its argument is nil when the event has its position
	// in the order of the channel, ErrAway or ErrDoubt if that did not happen in
	// time, ErrFull if there is no memory for it. It does not block. The cluster of
	// a single node never receives one.
	Accepted func(error)
}

// SignIn is the request to add a socket to a user.
type SignIn struct {
	App       *apps.App
	UserID    string
	Watchlist []string
	// Again is set when the socket is signed in as the user already. Replaced is
	// the watchlist of its previous sign-in, which is no longer valid. The cluster
	// of a single node never receives one.
	Again    bool
	Replaced []string
}

// SignOut is the request to remove a socket from a user.
type SignOut struct {
	App    *apps.App
	UserID string
	// Watchlist is the watchlist of the socket's last SignIn. The cluster of a
	// single node never receives one.
	Watchlist []string
}

// SignedIn is the answer to a SignIn: the watched users, in watchlist order.
type SignedIn struct {
	Online, Offline []string
}

// ChannelInfo describes a channel to the HTTP API.
type ChannelInfo struct {
	Name    string
	Sockets int     // subscription_count; the channel is occupied if it is not 0
	Users   int     // user_count of a presence channel
	Cached  *Cached // the cached event; nil if there is none
}

// HistoryQuery selects events of a channel's history.
type HistoryQuery struct {
	Limit    int                // maximum number of events
	After    pusherproto.Serial // only later events; the zero serial means no bound
	Before   pusherproto.Serial // only earlier events; the zero serial means no bound
	Backward bool               // newest first
}

// HistoryPage is a part of a channel's history.
type HistoryPage struct {
	Events []HistoryEvent     // in the order of the query
	More   bool               // more events match the query
	At     pusherproto.Serial // current position of the history; the zero serial if there is none
	// Lost is why events after After or before Before are missing; nil if none are,
	// or if the query has neither.
	Lost *LostHistory
}

// HistoryEvent is an event in a history.
type HistoryEvent struct {
	Serial  pusherproto.Serial
	Message []byte // the JSON text as sent to subscribers, with the serial
	Time    time.Time
	// Client is set if a client sent the event. SocketID is the socket that was
	// excluded: the sender, or the one that the API request named.
	Client   bool
	SocketID pusherproto.SocketID
}

// Cached is the cached event of a cache channel.
type Cached struct {
	Data []byte        // JSON string literal as published, with its quotes
	TTL  time.Duration // time left
}
