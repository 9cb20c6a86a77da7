package httpapi

import (
	"context"
	"sync"
	"time"

	"fanfare/apps"
	"fanfare/channels"
)

// A list of all channels takes memory in proportion to their number until its
// caller has read it, so mostListings are made for an app at a time. Others
// wait for up to listingPatience.
const (
	mostListings    = 8
	listingPatience = 4 * time.Second
)

// listings enforces that limit. The zero value is ready to use.
type listings struct {
	apps sync.Map // app id -> chan struct{}, with one element for each listing
}

// enter takes a place and returns the function that releases it. It fails with
// ErrBusy or the context's error.
func (l *listings) enter(ctx context.Context, app *apps.App) (leave func(), err error) {
	v, ok := l.apps.Load(app.ID)
	if !ok {
		v, _ = l.apps.LoadOrStore(app.ID, make(chan struct{}, mostListings))
	}
	places := v.(chan struct{})
	timer := time.NewTimer(listingPatience)
	defer timer.Stop()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-timer.C:
		return nil, channels.ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
