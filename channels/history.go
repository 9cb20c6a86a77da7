package channels

import (
	"context"

	"fanfare/apps"
)

// History implements Cluster.
func (m *memory) History(_ context.Context, _ *apps.App, _ string, _ HistoryQuery) (HistoryPage, error) {
	return HistoryPage{}, nil
}

// ClearHistory implements Cluster.
func (m *memory) ClearHistory(_ context.Context, _ *apps.App, _ string) error { return nil }
