package channels

import (
	"context"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// Publish delivers an event of the HTTP API to each of its channels. It waits
// while the event loops are behind with the app's mail and fails with ErrBusy,
// ErrDraining or the context's error; then nothing was delivered. Nothing is
// delivered either when the context has ended, which says that the caller is gone.
func (h *Hub) Publish(ctx context.Context, app *apps.App, ev pusherproto.Event) error {
	if err := h.accept(ctx, app.ID); err != nil {
		return err
	}
	defer h.closing.RUnlock()
	h.publish(app, &ev)
	return nil
}

// accept waits until there is room for an event, which Close waits for from
// here on: the caller unlocks closing when it is delivered.
func (h *Hub) accept(ctx context.Context, appID string) error {
	if err := h.room(ctx, appID); err != nil {
		return err
	}
	h.closing.RLock()
	err := ctx.Err() // it may have ended since
	if h.closed.Load() {
		err = ErrDraining
	}
	if err != nil {
		h.closing.RUnlock()
	}
	return err
}

// TryPublish delivers events in order if that needs no waiting; else it fails
// with ErrBusy or ErrDraining and nothing was delivered. It is for event loops,
// on whose turns Close does not wait.
func (h *Hub) TryPublish(app *apps.App, events ...pusherproto.Event) error {
	if h.closed.Load() {
		return ErrDraining
	}
	if h.tenant(app.ID).pressure.High() {
		return ErrBusy
	}
	for i := range events {
		h.publish(app, &events[i])
	}
	return nil
}

// PublishBatch delivers events in order, as Publish does. The batch is taken
// whole or, on error, not at all.
func (h *Hub) PublishBatch(ctx context.Context, app *apps.App, events []pusherproto.Event) error {
	if err := h.accept(ctx, app.ID); err != nil {
		return err
	}
	defer h.closing.RUnlock()
	for i := range events {
		h.publish(app, &events[i])
	}
	return nil
}

func (h *Hub) publish(app *apps.App, ev *pusherproto.Event) {
	h.tenant(app.ID).published.Add(1)
	trace := h.logs(LevelTrace)
	for _, name := range ev.Channels {
		if trace {
			h.tracePublished(app.ID, name, ev)
		}
		buf := beginFrame(len(ev.Name) + len(name) + len(ev.Data) + 40)
		p := Publication{
			App:     app,
			Channel: name,
			Frame:   seal(pusherproto.AppendEvent(buf, ev.Name, name, ev.Data)),
			Except:  ev.SocketID,
		}
		if pusherproto.KindOf(name).Cache() {
			p.Remember = app.CacheTTL
			// ev.Data may be the caller's request buffer. In the frame it
			// stands last, before the closing brace.
			payload := p.Frame.Payload()
			p.Data = payload[len(payload)-1-len(ev.Data) : len(payload)-1]
		}
		h.cluster.Publish(p)
	}
}

// Channels lists the occupied channels whose name begins with prefix, sorted
// by name.
func (h *Hub) Channels(ctx context.Context, app *apps.App, prefix string) ([]ChannelInfo, error) {
	return h.cluster.Channels(ctx, app, prefix)
}

// Channel describes a channel, occupied or not.
func (h *Hub) Channel(ctx context.Context, app *apps.App, name string) (ChannelInfo, error) {
	return h.cluster.Channel(ctx, app, name)
}

// Members lists the user ids on a presence channel in the order they joined.
func (h *Hub) Members(ctx context.Context, app *apps.App, name string) ([]string, error) {
	return h.cluster.Members(ctx, app, name)
}

// TerminateUser closes every socket signed in as the user with 4009.
func (h *Hub) TerminateUser(ctx context.Context, app *apps.App, userID string) error {
	return h.cluster.Terminate(ctx, app, userID)
}
