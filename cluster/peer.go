package cluster

import (
	"context"

	"fanfare/apps"
	"fanfare/channels"
)

// Peer is a node of a cluster. Make one with NewPeer and keep Run running.
type Peer struct {
	node   channels.Node
	engine Engine
	cfg    Config
}

var _ channels.Cluster = (*Peer)(nil)

// NewPeer returns a Peer that is not connected.
func NewPeer(node channels.Node, cfg Config, engine Engine) *Peer {
	return &Peer{node: node, cfg: cfg.withDefaults(), engine: engine}
}

// Run implements channels.Cluster: it runs the engine and lets time go by.
func (p *Peer) Run(ctx context.Context) error { return nil }

// Turn does what is due by the clock. Run calls it about ten times a second.
func (p *Peer) Turn() {}

// Upcalls are the methods that the engine calls.
func (p *Peer) Upcalls() Upcalls { return nil }

// Health is how the node sees the cluster now.
func (p *Peer) Health() Health { return Health{Node: p.cfg.Node} }

// Join implements channels.Cluster.
func (p *Peer) Join(j channels.Join, answer func(channels.Joined)) {}

// Leave implements channels.Cluster.
func (p *Peer) Leave(l channels.Leave) {}

// Publish implements channels.Cluster.
func (p *Peer) Publish(pub channels.Publication) {}

// SignIn implements channels.Cluster.
func (p *Peer) SignIn(in channels.SignIn, answer func(channels.SignedIn)) {}

// SignOut implements channels.Cluster.
func (p *Peer) SignOut(out channels.SignOut) {}

// Terminate implements channels.Cluster.
func (p *Peer) Terminate(ctx context.Context, app *apps.App, userID string) error { return nil }

// Channels implements channels.Cluster.
func (p *Peer) Channels(ctx context.Context, app *apps.App, prefix string) ([]channels.ChannelInfo, error) {
	return nil, nil
}

// Channel implements channels.Cluster.
func (p *Peer) Channel(ctx context.Context, app *apps.App, name string) (channels.ChannelInfo, error) {
	return channels.ChannelInfo{}, nil
}

// Members implements channels.Cluster.
func (p *Peer) Members(ctx context.Context, app *apps.App, name string) ([]string, error) {
	return nil, nil
}
