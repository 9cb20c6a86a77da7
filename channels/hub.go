package channels

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// ErrDraining says that the node is shutting down and takes no more events.
var ErrDraining = errors.New("the server is shutting down")

// Restarting is the refusal of a node that is shutting down. It makes the client
// wait a second: with 4200 it would reconnect to the same node again and again.
var Restarting = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "The server is restarting, reconnect in a second"}

// ErrBusy says that the event loops did not catch up with an app's events in
// time to take another.
var ErrBusy = errors.New("the server is busy, try again")

// NoMemory is why a node that holds as much as it may has no session to give.
var NoMemory = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "The server is short of memory, reconnect in a while"}

// AddressFull is why a node has no session for one more socket of an address.
var AddressFull = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "Too many connections from this address"}

// ErrNoMemory says that the node holds as much as it may.
var ErrNoMemory = errors.New("the server is short of memory, try again")

// publishPatience is how long a publisher waits for the mail of its app. It is
// far within the time in which an answer can be written.
const publishPatience = 4 * time.Second

// DefaultOfflineGrace is how long a user may be without a socket before
// watchers get an offline event (docs/spec/users.md#watchlist).
const DefaultOfflineGrace = 3 * time.Second

// Config is what a Hub is made of. The zero value works.
type Config struct {
	Logger *slog.Logger
	// Observers receive everything that happens in channels.
	Observers []Observer
	// Cluster makes the cluster of a node; nil keeps everything in memory.
	Cluster func(Node) Cluster
	// OfflineGrace delays offline events; negative is none, 0 is
	// DefaultOfflineGrace.
	OfflineGrace time.Duration
	// MostPast is how many bytes of a history a socket is sent at once, when it
	// subscribes; 0 is DefaultMostPast. It is less than may wait for a slow reader.
	MostPast int
	// Account counts what sessions and channels hold; nil is one without a bound.
	Account *account.Account
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Hub is the channel core of one node. Make one with New and keep Run running.
type Hub struct {
	log       *slog.Logger
	observers atomic.Pointer[[]Observer] // nil if there is none
	cluster   Cluster
	alone     *memory // the cluster of a node on its own, nil in one that is shared
	shared    bool    // the cluster has other nodes: it answers later, and is told more
	now       func() time.Time
	tenants   tenants
	owners    []Owner      // set before the first session
	closing   sync.RWMutex // held to read while an event is published off the loops
	closed    atomic.Bool
	end       sync.Once
	concluded chan struct{} // closed by Conclude
	refusals  refusals
	grace     atomic.Int64 // Config.OfflineGrace
	mostPast  atomic.Int64 // Config.MostPast

	pong *Frame
}

// New returns a Hub without sessions.
func New(cfg Config) *Hub {
	h := &Hub{
		log:  cfg.Logger,
		now:  cfg.Now,
		pong: NewFrame(pusherproto.AppendPong(nil)).Permanent(),

		concluded: make(chan struct{}),
	}
	h.SetObservers(cfg.Observers...)
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.tenants.account = cfg.Account; cfg.Account == nil {
		h.tenants.account = account.New(0)
	}
	if h.now == nil {
		h.now = time.Now
	}
	if cfg.Cluster != nil {
		h.cluster, h.shared = cfg.Cluster(h), true
	} else {
		h.alone = newMemory(h, h.now, &h.grace)
		h.cluster = h.alone
	}
	h.SetOfflineGrace(cfg.OfflineGrace)
	h.SetMostPast(cfg.MostPast)
	return h
}

// Run keeps the hub's time until ctx is done.
func (h *Hub) Run(ctx context.Context) error { return h.cluster.Run(ctx) }

// AddOwner makes an event loop known. It is called before sessions are opened.
func (h *Hub) AddOwner(o Owner) { h.owners = append(h.owners, o) }

// Close makes the hub refuse events and sessions from here on. Events that
// Publish and PublishBatch accepted are with the owners when it returns or, in a
// cluster, with that: their callers still get an answer.
func (h *Hub) Close() {
	h.closing.Lock()
	defer h.closing.Unlock()
	h.closed.Store(true)
}

func (h *Hub) tenant(appID string) *tenant { return h.tenants.get(appID) }

// Account implements Node: it is where everybody enters what is held for an app
// on this node. It is a part of that of the Config.
func (h *Hub) Account(app *apps.App) *account.Account { return h.tenant(app.ID).account }

// Lane is the queue of an app's mail for an owner.
func (h *Hub) Lane(appID string, o Owner) Lane { return h.tenant(appID).share(o).lane }

// room waits until the owners keep up with the app's mail: an HTTP caller is
// pushed back rather than letting mailboxes grow without bound.
func (h *Hub) room(ctx context.Context, appID string) error {
	if h.closed.Load() {
		return ErrDraining
	}
	pressure := &h.tenant(appID).pressure
	if !pressure.High() {
		return nil
	}
	patience, cancel := context.WithTimeout(ctx, publishPatience)
	defer cancel()
	err := pressure.Wait(patience)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || patience.Err() != nil { // woken too late is too late
		return ErrBusy
	}
	return nil
}

// Deliver implements Node.
func (h *Hub) Deliver(app *apps.App, channel string, f *Frame, except pusherproto.SocketID) {
	h.tenant(app.ID).table.post(channel, Mail{kind: mailFrame, frame: f, except: except})
}

// CloseUser implements Node.
func (h *Hub) CloseUser(app *apps.App, userID string, code int, text string) {
	h.CloseSubscribers(app, pusherproto.UserChannelName(userID), code, text)
}

// CloseSubscribers implements Node.
func (h *Hub) CloseSubscribers(app *apps.App, channel string, code int, text string) {
	h.tenant(app.ID).table.post(channel, Mail{kind: mailClose, code: uint16(code), text: text})
}

// DeliverToWatchers implements Node.
func (h *Hub) DeliverToWatchers(app *apps.App, userID string, f *Frame) {
	h.tenant(app.ID).table.post(watchersOf(userID), Mail{kind: mailFrame, frame: f})
}

// Observe implements Node.
func (h *Hub) Observe(n Notice) {
	switch n.Kind {
	case MemberAdded:
		h.tenant(n.App.ID).members.Add(1)
	case MemberRemoved:
		h.tenant(n.App.ID).members.Add(-1)
	}
	if observers := h.observers.Load(); observers != nil {
		for _, o := range *observers {
			o.Observe(n)
		}
	}
}

// SetOfflineGrace replaces that of the Config, for users who leave from here on.
func (h *Hub) SetOfflineGrace(d time.Duration) {
	if d == 0 {
		d = DefaultOfflineGrace
	}
	h.grace.Store(int64(max(d, 0)))
	if c, ok := h.cluster.(interface{ SetOfflineGrace(d time.Duration) }); ok {
		c.SetOfflineGrace(max(d, 0))
	}
}

// DefaultMostPast is how many bytes of a history a socket is sent at once.
const DefaultMostPast = 512 << 10

// SetMostPast replaces that of the Config, for sockets that subscribe from here on.
func (h *Hub) SetMostPast(bytes int) { h.mostPast.Store(int64(cmp.Or(bytes, DefaultMostPast))) }

// SetObservers replaces those of the Config. A notice under way may still
// reach an earlier one.
func (h *Hub) SetObservers(observers ...Observer) {
	if len(observers) == 0 {
		h.observers.Store(nil)
		return
	}
	h.observers.Store(&observers)
}

// watchersOf names the group of the sockets that watch a user. No channel can
// have such a name (docs/spec/channels.md#names).
func watchersOf(userID string) string { return watchersPrefix + userID }

const watchersPrefix = "#watchers-of-"
