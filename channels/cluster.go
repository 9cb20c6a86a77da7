package channels

import (
	"context"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// Cluster knows what all nodes know in common: who is on which channel, which
// users are signed in, what cache channels remember. The Hub asks it for every
// change and goes on when it answers: at once in memory, a round trip later
// over a network.
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
	// Sockets is how many sockets of the app are in on all nodes, as far as this
	// one has heard. A node on its own counts by itself, and does not ask.
	Sockets(app *apps.App) int
	// Join counts a socket in on a channel, or refuses it.
	Join(j Join, answer func(Joined))
	// Leave counts a socket out again.
	Leave(l Leave)
	// Publish delivers a frame to the channel on every node and, if asked,
	// remembers it as the channel's cached event. It tells whether a socket's
	// event was taken: one that was not reaches nobody. That of a publication with
	// Accepted always is. A node on its own takes every event.
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
	// same but nothing is counted.
	Again bool
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
}

// Leave asks that a socket be counted out.
type Leave struct {
	App     *apps.App
	Channel string
	Kind    pusherproto.Kind
	UserID  string // presence channels
}

// Publication is one event on its way to one channel.
type Publication struct {
	App     *apps.App
	Channel string
	Frame   *Frame
	Except  pusherproto.SocketID
	// Remember is how long a cache channel keeps the event; 0 is not at all.
	Remember time.Duration
	// Data is the event's data as a JSON string literal, for Remember; a part
	// of Frame.
	Data []byte
	// Client is set for the event of a socket of this node.
	Client bool
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
	// the watchlist of its sign-in before, which counts no more. The cluster of a
	// node on its own is never given one.
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

// Cached is what a cache channel remembers.
type Cached struct {
	Data []byte        // JSON string literal as published, quotes included
	TTL  time.Duration // time left
}
