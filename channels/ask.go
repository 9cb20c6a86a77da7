package channels

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fanfare/apps"
)

// askPatience is how long the cluster may take to answer a query.
const askPatience = 5 * time.Second

// Channels returns the occupied channels whose name begins with prefix, sorted by
// name. Like all queries it fails with ErrUnanswered or with the context's error;
// on a single node it does not fail.
func (h *Hub) Channels(ctx context.Context, app *apps.App, prefix string) (list []ChannelInfo, err error) {
	err = h.ask(ctx, func(ctx context.Context) error {
		list, err = h.cluster.Channels(ctx, app, prefix)
		return err
	})
	return list, err
}

// Channel describes a channel, occupied or not.
func (h *Hub) Channel(ctx context.Context, app *apps.App, name string) (info ChannelInfo, err error) {
	err = h.ask(ctx, func(ctx context.Context) error {
		info, err = h.cluster.Channel(ctx, app, name)
		return err
	})
	return info, err
}

// Members returns the user ids on a presence channel in the order they joined.
func (h *Hub) Members(ctx context.Context, app *apps.App, name string) (ids []string, err error) {
	err = h.ask(ctx, func(ctx context.Context) error {
		ids, err = h.cluster.Members(ctx, app, name)
		return err
	})
	return ids, err
}

// History reads the history of a channel; the page is empty if it has none.
func (h *Hub) History(ctx context.Context, app *apps.App, name string, q HistoryQuery) (page HistoryPage, err error) {
	err = h.ask(ctx, func(ctx context.Context) error {
		page, err = h.cluster.History(ctx, app, name, q)
		return err
	})
	return page, err
}

// ClearHistory clears the history of a channel. After an error it may have been
// cleared anyway.
func (h *Hub) ClearHistory(ctx context.Context, app *apps.App, name string) error {
	return h.ask(ctx, func(ctx context.Context) error { return h.cluster.ClearHistory(ctx, app, name) })
}

// TerminateUser closes every socket signed in as the user with 4009. After an
// error sockets may have been closed anyway.
func (h *Hub) TerminateUser(ctx context.Context, app *apps.App, userID string) error {
	return h.ask(ctx, func(ctx context.Context) error { return h.cluster.Terminate(ctx, app, userID) })
}

// ask calls question, in a cluster with a timeout of askPatience.
func (h *Hub) ask(ctx context.Context, question func(context.Context) error) error {
	if !h.shared {
		return question(ctx)
	}
	patience, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	err := question(patience)
	switch {
	case err == nil || errors.Is(err, ErrUnanswered):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrUnanswered, err)
}
