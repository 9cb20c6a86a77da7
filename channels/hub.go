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

// ErrDraining means that the node is shutting down and accepts no more events.
var ErrDraining = errors.New("the server is shutting down")

// Restarting is the refusal of a node that is shutting down. After 4100 the client
// waits a second; after 4200 it would reconnect to the same node again and again.
var Restarting = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "The server is restarting, reconnect in a second"}

// ErrBusy means that the event loops did not catch up with an app's events in time
// to accept another.
var ErrBusy = errors.New("the server is busy, try again")

// NoMemory is the refusal of a session by a node that is at its memory limit.
var NoMemory = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "The server is short of memory, reconnect in a while"}

// AddressFull is the refusal of a session because the client's address has too many sockets.
var AddressFull = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "Too many connections from this address"}

// ErrNoMemory means that the node is at its memory limit.
var ErrNoMemory = errors.New("the server is short of memory, try again")

// publishPatience is how long a publisher waits for the app's mail. It is well
// below the HTTP server's write timeout.
const publishPatience = 4 * time.Second

// DefaultOfflineGrace is how long a user may be without a socket before
// watchers get an offline event (docs/spec/users.md#watchlist).
const DefaultOfflineGrace = 3 * time.Second

// Config configures a Hub. The zero value is valid.
type Config struct {
	Logger *slog.Logger
	// Observers receive notices of everything that happens on channels.
	Observers []Observer
	// Cluster returns the cluster of a node; nil keeps all state in memory.
	Cluster func(Node) Cluster
	// OfflineGrace delays offline events. 0 means DefaultOfflineGrace, a negative
	// value no delay.
	OfflineGrace time.Duration
	// MostPast is the maximum number of bytes of a history that a socket receives
	// when it subscribes; 0 means DefaultMostPast. It must be less than the limit
	// of a slow reader's queue.
	MostPast int
	// Account counts what sessions and channels hold; nil means one without a limit.
	Account *account.Account
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Hub is the channel core of one node. Create it with New, and call Run until it is no longer used.
type Hub struct {
	log       *slog.Logger
	observers atomic.Pointer[[]Observer] // nil if there is none
	cluster   Cluster
	alone     *memory // the cluster of a single node; nil if there are other nodes
	shared    bool    // the cluster may have other nodes: it answers later, and needs more information
	now       func() time.Time
	tenants   tenants
	owners    []Owner      // complete before the first session
	closing   sync.RWMutex // read-locked while another goroutine than a loop publishes
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

// Run runs the hub's timers and its cluster until ctx is done.
func (h *Hub) Run(ctx context.Context) error { return h.cluster.Run(ctx) }

// AddOwner registers an event loop. Call it before sessions are opened.
func (h *Hub) AddOwner(o Owner) { h.owners = append(h.owners, o) }

// Close makes the hub refuse events and sessions from here on. When it returns,
// events that Publish and PublishBatch accepted are in the owners' queues or, in a
// cluster, in the cluster's; their callers still get an answer.
func (h *Hub) Close() {
	h.closing.Lock()
	defer h.closing.Unlock()
	h.closed.Store(true)
}

func (h *Hub) tenant(appID string) *tenant { return h.tenants.get(appID) }

// Account implements Node: it returns the account for all that is held for an app
// on this node. It is a part of Config.Account.
func (h *Hub) Account(app *apps.App) *account.Account { return h.tenant(app.ID).account }

// Lane returns the queue of an app's mail for an owner.
func (h *Hub) Lane(appID string, o Owner) Lane { return h.tenant(appID).share(o).lane }

// room waits until the owners keep up with the app's mail. HTTP callers wait, so
// that mailboxes do not grow without bound.
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
	if err != nil || patience.Err() != nil { // also if the wait ended just after the timeout
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

// SetOfflineGrace replaces Config.OfflineGrace for users who sign out from here on.
func (h *Hub) SetOfflineGrace(d time.Duration) {
	if d == 0 {
		d = DefaultOfflineGrace
	}
	h.grace.Store(int64(max(d, 0)))
	if c, ok := h.cluster.(interface{ SetOfflineGrace(d time.Duration) }); ok {
		c.SetOfflineGrace(max(d, 0))
	}
}

// DefaultMostPast is the default of Config.MostPast in bytes.
const DefaultMostPast = 512 << 10

// SetMostPast replaces Config.MostPast for sockets that subscribe from here on.
func (h *Hub) SetMostPast(bytes int) { h.mostPast.Store(int64(cmp.Or(bytes, DefaultMostPast))) }

// SetObservers replaces Config.Observers. The previous observers may still receive
// a notice that is in progress.
func (h *Hub) SetObservers(observers ...Observer) {
	if len(observers) == 0 {
		h.observers.Store(nil)
		return
	}
	h.observers.Store(&observers)
}

// watchersOf returns the name of the group of a user's watchers. No channel can
// have such a name (docs/spec/channels.md#names).
func watchersOf(userID string) string { return watchersPrefix + userID }

const watchersPrefix = "#watchers-of-"
