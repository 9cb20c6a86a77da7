package adminapi

import (
	"context"
	"io"
	"time"
)

// Node is the server process. Its methods return without long waits.
type Node interface {
	// About returns the facts of the node that Counts does not have.
	About() About
	// Nodes returns the nodes of the cluster, or this node alone, and a list of
	// problems.
	Nodes() ([]NodeInfo, []string)
	// Counts returns the current counts and the totals since the start.
	Counts() Counts
	// LoopLag returns how long the slowest event loop took to start its next
	// iteration.
	LoopLag(ctx context.Context) time.Duration
	// Configuration returns the configuration in force, with secrets masked.
	Configuration() (map[string]any, error)
}

// About describes the node.
type About struct {
	Version, Node    string
	Started          time.Time
	Clustered        bool
	Ready, Draining  bool
	MemoryLimitBytes int64
	LoopSockets      []int
}

// NodeInfo describes a node of a cluster, as that node last reported it.
type NodeInfo struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	State       string `json:"state"`
	AgeS        int64  `json:"age_s"`
	Connections int64  `json:"connections"`
	Channels    int64  `json:"channels"`
	Members     int64  `json:"members"`
	Itself      bool   `json:"itself"`
	LastHeardMS int64  `json:"last_heard_ms"`
}

// Counts is a snapshot. Messages, deliveries and events are totals that only
// grow.
type Counts struct {
	Count
	Channels, Members, ClientEvents int64
	HeldBytes                       int64
	Publishes                       Answered // HTTP API calls that publish
	Apps                            []AppCounts
}

// Count is the part of Counts that the history keeps for a node or an app.
type Count struct {
	Connections, MessagesIn, Deliveries, APIEvents, MemoryBytes int64
}

// AppCounts is one app on this node. MemoryBytes is the memory held for the
// app, in bytes.
type AppCounts struct {
	ID string
	Count
	Channels int64
}

// Apps gives access to the apps that the server serves.
type Apps interface {
	// All lists the apps with their secrets, which the caller has to mask.
	All() []App
	// Count returns the number of apps.
	Count() int
	// Options returns all other options of the given apps, by app id and by
	// their key in the configuration, with secrets masked. Apps that no longer
	// exist are left out.
	Options(ids []string) map[string]map[string]any
	// Has reports whether an app is served.
	Has(id string) bool
}

// App is one app.
type App struct {
	ID          string
	Enabled     bool
	Keys        []Key
	Connections int // open, on all nodes
}

// Key is a key of an app.
type Key struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// Channels gives access to channels and users. An error of type *Error is sent
// to the caller as the answer.
type Channels interface {
	// List lists the occupied channels of all nodes whose names begin with
	// prefix and are greater than after, sorted by name. It returns at most
	// most of them.
	List(ctx context.Context, app, prefix, after string, most int) ([]Channel, error)
	Describe(ctx context.Context, app, channel string) (ChannelDetail, error)
	// History lists the events that a channel keeps, the newest first: at most
	// most events, all of them before the serial before unless that is "".
	History(ctx context.Context, app, channel, before string, most int) (Kept, error)
	// ClearHistory deletes the events that a channel keeps.
	ClearHistory(ctx context.Context, app, channel string) error
	// Users lists the signed-in users of this node with ids greater than after,
	// sorted by id, at most most of them.
	Users(ctx context.Context, app, after string, most int) ([]User, error)
	// Send publishes an event.
	Send(ctx context.Context, app string, e Event) error
	// Terminate closes the sockets of a user on all nodes.
	Terminate(ctx context.Context, app, user string) error
}

// Channel is an occupied channel.
type Channel struct {
	Name          string `json:"name"`
	Kind          string `json:"kind"`
	Subscriptions int    `json:"subscriptions"`
	Users         int    `json:"users"`
}

// ChannelDetail is one channel, occupied or not.
type ChannelDetail struct {
	Channel
	Occupied    bool     `json:"occupied"`
	Members     []string `json:"members"`
	MoreMembers bool     `json:"more_members"`
	Cached      *Cached  `json:"cached"`
}

// Cached is the last event of a cache channel.
type Cached struct {
	Data string `json:"data"`
	TTLS int64  `json:"ttl_s"`
}

// Kept is a page of the events that a channel keeps. Next is the serial to
// continue from, or "" on the last page.
type Kept struct {
	Events []KeptEvent
	Next   string
}

// KeptEvent is an event that a channel keeps. Data is the text that clients
// receive.
type KeptEvent struct {
	Serial   string    `json:"serial"`
	Time     time.Time `json:"time"`
	Name     string    `json:"name"`
	Data     string    `json:"data"`
	UserID   string    `json:"user_id"`
	SocketID string    `json:"socket_id"`
}

// User is a signed-in user.
type User struct {
	ID      string   `json:"id"`
	Sockets int      `json:"sockets"`
	Nodes   []string `json:"nodes"` // the nodes of the user's sockets
}

// Event is an event to publish, to channels or to a user. Data is the text that
// clients receive.
type Event struct {
	Name, Data, SocketID string
	Channels             []string
	User                 string
}

// Sockets gives access to the sockets of this node.
type Sockets interface {
	// List lists at most most sockets of an app, starting at a cursor, and
	// returns the cursor of the next page, or "" on the last page.
	List(ctx context.Context, app, cursor string, most int) (list []Socket, next string, err error)
	Find(ctx context.Context, app, id string) (*SocketDetail, error)
	// Close closes a socket and reports whether this node had it.
	Close(ctx context.Context, app, id string, c Close) (bool, error)
	// CloseAll closes all sockets of an app and returns their number.
	CloseAll(ctx context.Context, app string, c Close) (int, error)
}

// Socket is one connection of a client.
type Socket struct {
	ID            string    `json:"id"`
	Node          string    `json:"node"`
	User          string    `json:"user"`
	Address       string    `json:"address"`
	Transport     string    `json:"transport"`
	Since         time.Time `json:"since"`
	Subscriptions int       `json:"subscriptions"`
	ReceivedBytes uint64    `json:"received_bytes"`
	SentBytes     uint64    `json:"sent_bytes"`
	WaitingBytes  int       `json:"waiting_bytes"`
}

// SocketDetail is a socket with the first of its channels.
type SocketDetail struct {
	Socket
	Channels []string `json:"channels"`
}

// Close says how to close sockets.
type Close struct {
	Code   int
	Reason string
}

// Webhooks gives access to the webhook endpoints of this node.
type Webhooks interface {
	// Endpoints lists them, each with at most deliveries deliveries, the newest
	// first.
	Endpoints(deliveries int) []Endpoint
	// Replay sends a failed delivery again, and returns how it ended.
	Replay(ctx context.Context, id string) (Delivery, error)
}

// Endpoint is a URL that receives webhooks of an app.
type Endpoint struct {
	Node       string     `json:"node"`
	App        string     `json:"app"`
	Endpoint   int        `json:"endpoint"`
	URL        string     `json:"url"`
	Down       bool       `json:"down"`
	Queued     int        `json:"queued"`
	Sent       uint64     `json:"sent"`
	Retried    uint64     `json:"retried"`
	Failed     uint64     `json:"failed"`
	Dropped    uint64     `json:"dropped"`
	Deliveries []Delivery `json:"deliveries"`

	at string // id of the node
}

// Delivery is one request with webhooks and its attempts.
type Delivery struct {
	ID         string      `json:"id"`
	App        string      `json:"app"`
	Endpoint   int         `json:"endpoint"`
	State      string      `json:"state"`
	First      time.Time   `json:"first"`
	Last       time.Time   `json:"last"`
	Status     int         `json:"status"`
	Error      string      `json:"error"`
	DurationMS float64     `json:"duration_ms"`
	Attempts   int         `json:"attempts"`
	Next       *time.Time  `json:"next"`
	Events     []HookEvent `json:"events"`
	EventCount int         `json:"event_count"`
	Replayable bool        `json:"replayable"`
}

// HookEvent is an event of a delivery, without its payload.
type HookEvent struct {
	Name    string `json:"name"`
	Channel string `json:"channel"`
}

// Log gives access to the server's log.
type Log interface {
	// Follow writes log lines as JSON, payloads included, until ctx is done or
	// a write fails. For each key of only, a line must have one of its values.
	// It costs nothing while nobody follows.
	Follow(ctx context.Context, w io.Writer, only map[string][]string) error
}
