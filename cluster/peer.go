package cluster

import (
	"context"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/account"
)

// turnEvery is how often Run calls Turn.
const turnEvery = 100 * time.Millisecond

// Peer is a node of a cluster. Make one with NewPeer and keep Run running.
//
// Locks are taken in this order: a partition's, an app's users', the Hub's. No two
// partitions are locked at once. The lock of deaths is taken last; only the engine
// is called under it.
type Peer struct {
	node       channels.Node
	engine     Engine
	cfg        Config
	apps       sync.Map // app id -> *app
	partitions [Partitions]partition
	deaths     deaths
	rates      rates
	elsewhere  elsewhere
	counters   counters
	draining   atomic.Bool  // Drain
	sated      atomic.Bool  // StopCollecting
	grace      atomic.Int64 // SetOfflineGrace
	misrouted  misrouted
	gathered   gathered
	letters    letters
}

var (
	_ channels.Cluster = (*Peer)(nil)
	_ Upcalls          = (*Peer)(nil)
)

// app is the state of an app on this node.
type app struct {
	account *account.Account
	latest  atomic.Pointer[apps.App] // as it was last configured
	users   users
	open    atomic.Int64         // sockets on this node
	limited atomic.Bool          // its sockets have a subject (connections)
	dropped [drops]atomic.Uint64 // events of histories that were dropped, by reason
}

// NewPeer returns a Peer that is not connected. Before Run runs the engine, the
// caller may give the Peer to the engine as its Upcalls.
func NewPeer(node channels.Node, cfg Config, engine Engine) *Peer {
	p := &Peer{node: node, cfg: cfg.withDefaults(), engine: engine}
	for i := range p.partitions {
		p.partitions[i].init(p, Partition(i))
	}
	p.deaths.peer = p
	p.gathered.due = time.NewTimer(0)
	p.gathered.due.Stop()
	p.SetOfflineGrace(channels.DefaultOfflineGrace)
	return p
}

// Node returns the id of this node.
func (p *Peer) Node() ledger.Node { return p.cfg.Node }

// SetOfflineGrace sets how long users who leave from now on may have no socket
// before watchers receive the offline event; 0 means no grace. The Hub calls it.
func (p *Peer) SetOfflineGrace(d time.Duration) { p.grace.Store(int64(d)) }

// Run implements channels.Cluster: it runs the engine and calls Turn until ctx
// is done.
func (p *Peer) Run(ctx context.Context) error {
	p.deaths.describe(p.cfg.Now()) // the first heartbeat is sent with the first Link
	defer p.endLetters()
	ended := make(chan error, 1)
	go func() { ended <- p.engine.Run(ctx, p) }()
	ticker := time.NewTicker(turnEvery)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-ticker.C:
			p.Turn()
		case <-p.gathered.due.C:
			p.sendGathered()
		}
	}
}

// Turn does what is due by the clock.
func (p *Peer) Turn() {
	now := p.cfg.Now()
	p.deaths.turn(now)
	p.turnLetters(now)
	for i := range p.partitions {
		p.partitions[i].turn(now)
	}
}

// app returns the state of an app, and records its configuration.
func (p *Peer) app(given *apps.App) *app {
	found, ok := p.apps.Load(given.ID)
	if !ok {
		found, _ = p.apps.LoadOrStore(given.ID, &app{account: p.node.Account(given)})
	}
	a := found.(*app)
	if a.latest.Load() != given {
		a.latest.Store(given)
	}
	return a
}

// PartitionOf returns the partition of a subject. It is the same on all nodes.
func PartitionOf(s ledger.Subject) Partition {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.String()))
	return Partition(h.Sum32() % Partitions)
}

func (p *Peer) partitionOf(s ledger.Subject) *partition { return &p.partitions[PartitionOf(s)] }

// Empty ends lingering feeds of an app that has no sockets.
func (p *Peer) Empty(appID string) {
	for i := range p.partitions {
		p.partitions[i].empty(appID)
	}
}

// Forget removes an app that holds nothing.
func (p *Peer) Forget(appID string) { p.apps.Delete(appID) }
