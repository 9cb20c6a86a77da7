package adminapi

import (
	"context"
	"io"
	"time"
)

// Node is the process itself. Its methods do not block for long.
type Node interface {
	// About is what does not come from Counts.
	About() About
	// Nodes are those of the cluster, or this one alone, and what is wrong.
	Nodes() ([]NodeInfo, []string)
	// Counts is what the node carries and has carried since it began.
	Counts() Counts
	// LoopLag is how long the slowest event loop took to its next turn.
	LoopLag(ctx context.Context) time.Duration
	// Configuration is what is in force, secrets masked.
	Configuration() (map[string]any, error)
}

// About is the node in a few words.
type About struct {
	Version, Node    string
	Started          time.Time
	Clustered        bool
	Ready, Draining  bool
	MemoryLimitBytes int64
	LoopSockets      []int
}

// NodeInfo is a node of a cluster, as it said of itself last.
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

// Counts is a snapshot. Messages, deliveries and events only grow.
type Counts struct {
	Count
	Channels, Members, ClientEvents int64
	HeldBytes                       int64
	Publishes                       Answered // calls of the HTTP API that publish
	Apps                            []AppCounts
}

// Count is what the history keeps of a node or an app.
type Count struct {
	Connections, MessagesIn, Deliveries, APIEvents, MemoryBytes int64
}

// AppCounts is one app on this node. MemoryBytes is what is held for it.
type AppCounts struct {
	ID string
	Count
	Channels int64
}

// Apps are those that the server serves.
type Apps interface {
	// All lists the apps. Secrets are in it: what shows them masks them.
	All() []App
	// Count is how many there are.
	Count() int
	// Options are all other options of some apps, by the app's id and their key in
	// the configuration, secrets masked. An app that is gone has none.
	Options(ids []string) map[string]map[string]any
	// Has reports whether an app is served.
	Has(id string) bool
}

// App is one app.
type App struct {
	ID          string
	Enabled     bool
	Keys        []Key
	Connections int // on all nodes
}

// Key is a key of an app.
type Key struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// Channels is what is known of channels and users. An error that is an *Error
// is the answer.
type Channels interface {
	// List lists occupied channels of all nodes, sorted by name, those after a
	// name, at most most.
	List(ctx context.Context, app, prefix, after string, most int) ([]Channel, error)
	Describe(ctx context.Context, app, channel string) (ChannelDetail, error)
	// History lists the events that a channel keeps, the newest first: those before
	// a serial unless that is empty, at most most.
	History(ctx context.Context, app, channel, before string, most int) (Kept, error)
	// ClearHistory forgets what a channel keeps.
	ClearHistory(ctx context.Context, app, channel string) error
	// Users lists signed-in users of this node, sorted by id.
	Users(ctx context.Context, app, after string, most int) ([]User, error)
	// Send sends an event.
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

// Cached is what a cache channel remembers.
type Cached struct {
	Data string `json:"data"`
	TTLS int64  `json:"ttl_s"`
}

// Kept is a part of what a channel keeps. Next is the serial before which there is
// more, "" if there is not.
type Kept struct {
	Events []KeptEvent
	Next   string
}

// KeptEvent is an event that a channel keeps. Data is the text that clients get.
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
	Nodes   []string `json:"nodes"` // where those are
}

// Event is one to be sent, to channels or to a user. Data is the text that
// clients get.
type Event struct {
	Name, Data, SocketID string
	Channels             []string
	User                 string
}

// Sockets are those of this node.
type Sockets interface {
	// List lists sockets of an app from a cursor on, and the cursor of what
	// follows, "" if nothing does.
	List(ctx context.Context, app, cursor string, most int) (list []Socket, next string, err error)
	Find(ctx context.Context, app, id string) (*SocketDetail, error)
	// Close closes a socket, and reports whether it is there.
	Close(ctx context.Context, app, id string, c Close) (bool, error)
	// CloseAll closes all sockets of an app and tells how many.
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

// SocketDetail is a socket with its channels, the first of them.
type SocketDetail struct {
	Socket
	Channels []string `json:"channels"`
}

// Close is how sockets are closed.
type Close struct {
	Code   int
	Reason string
}

// Webhooks are the endpoints of this node.
type Webhooks interface {
	// Endpoints lists them, with deliveries of an endpoint at most, the newest
	// first.
	Endpoints(deliveries int) []Endpoint
	// Replay sends a failed delivery again, and returns how it ended.
	Replay(ctx context.Context, id string) (Delivery, error)
}

// Endpoint is where webhooks of an app go.
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

// Log is where what happens is written.
type Log interface {
	// Follow writes what happens as lines of JSON, payloads included, until ctx is done or a write
	// fails. Lines have one of the values that only has for a key. It costs
	// nothing while nobody follows.
	Follow(ctx context.Context, w io.Writer, only map[string][]string) error
}
