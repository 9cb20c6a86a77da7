package cluster

import (
	"context"

	"fanfare/apps"
	"fanfare/channels"
)

// History implements channels.Cluster.
func (p *Peer) History(_ context.Context, _ *apps.App, _ string, _ channels.HistoryQuery) (channels.HistoryPage, error) {
	return channels.HistoryPage{}, nil
}

// ClearHistory implements channels.Cluster.
func (p *Peer) ClearHistory(_ context.Context, _ *apps.App, _ string) error { return nil }
