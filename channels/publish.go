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
//
// In a cluster it then waits until all channels have their event, and fails with
// ErrAway or ErrFull if none has and none will, else with ErrDoubt.
//
// An event with an idempotency key is delivered once within the time that the app
// says: see publishOnce.
func (h *Hub) Publish(ctx context.Context, app *apps.App, ev pusherproto.Event) error {
	if ev.Claim != nil && app.IdempotencyTTL > 0 {
		return h.publishOnce(ctx, app, []pusherproto.Event{ev})
	}
	if err := h.accept(ctx, app.ID); err != nil {
		return err
	}
	if h.shared {
		return h.publishAndWait(ctx, app, []pusherproto.Event{ev})
	}
	defer h.closing.RUnlock()
	h.tenant(app.ID).published.Add(1)
	h.publish(app, &ev, nil)
	return nil
}

// accept waits until there is room for an event, which Close waits for from
// here on: the caller unlocks closing when the cluster has it.
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
// on whose turns Close does not wait. In a cluster it always fails with ErrBusy:
// TryPublishThen is for that. It fails with ErrBusy, too, while another call has one
// of the events' idempotency keys, and with ErrKeyUsed.
func (h *Hub) TryPublish(app *apps.App, events ...pusherproto.Event) error {
	if h.shared {
		return ErrBusy
	}
	if err := h.ready(app.ID); err != nil {
		return err
	}
	if claims(app, events) {
		other, err := h.deliverClaimed(app, events)
		if other != nil {
			return ErrBusy
		}
		return err
	}
	h.tenant(app.ID).published.Add(uint64(len(events)))
	for i := range events {
		h.publish(app, &events[i], nil)
	}
	return nil
}

// TryPublishThen is TryPublish for a cluster, but that events with idempotency keys
// always have to wait: done is called once, on any goroutine,
// possibly before this returns, with nil or an error as from Publish. If it
// fails, done is not called.
func (h *Hub) TryPublishThen(app *apps.App, done func(error), events ...pusherproto.Event) error {
	if claims(app, events) {
		return ErrBusy
	}
	if err := h.ready(app.ID); err != nil {
		return err
	}
	h.publishThen(app, events, done)
	return nil
}

// AnswersLater reports whether the hub is that of a cluster, which takes a while to
// accept an event.
func (h *Hub) AnswersLater() bool { return h.shared }

// ready tells why an event cannot be taken without waiting.
func (h *Hub) ready(appID string) error {
	if h.closed.Load() {
		return ErrDraining
	}
	if h.tenant(appID).pressure.High() {
		return ErrBusy
	}
	return nil
}

// PublishBatch delivers events in order, as Publish does. A node on its own takes
// the batch whole or, on error, not at all. In a cluster that is so for ErrAway
// and ErrFull; on ErrDoubt a part of the batch may have been delivered.
func (h *Hub) PublishBatch(ctx context.Context, app *apps.App, events []pusherproto.Event) error {
	if claims(app, events) {
		return h.publishOnce(ctx, app, events)
	}
	if err := h.accept(ctx, app.ID); err != nil {
		return err
	}
	if h.shared {
		return h.publishAndWait(ctx, app, events)
	}
	defer h.closing.RUnlock()
	h.tenant(app.ID).published.Add(uint64(len(events)))
	for i := range events {
		h.publish(app, &events[i], nil)
	}
	return nil
}

// publish hands an event for each of its channels to the cluster.
func (h *Hub) publish(app *apps.App, ev *pusherproto.Event, accepted func(error)) {
	trace := h.logs(LevelTrace)
	for i, name := range ev.Channels {
		if trace {
			h.tracePublished(app.ID, name, ev)
		}
		size := len(ev.Name) + len(name) + len(ev.Data) + 40
		kind := pusherproto.KindOf(name)
		var keep *apps.HistoryRule
		if len(app.History) > 0 {
			if keep = historyOf(app, kind, name); keep != nil {
				size += pusherproto.SerialMember
			}
		}
		buf := beginFrame(size)
		p := Publication{
			App:     app,
			Channel: name,
			Frame:   seal(pusherproto.AppendEvent(buf, ev.Name, name, ev.Data)),
			Except:  ev.SocketID,
			Keep:    keep,

			Accepted: accepted,
		}
		if kind.Cache() {
			p.Remember = app.CacheTTL
			// ev.Data may be the caller's request buffer. In the frame it
			// stands last, before the closing brace.
			payload := p.Frame.Payload()
			p.Data = payload[len(payload)-1-len(ev.Data) : len(payload)-1]
		}
		if keep != nil && ev.Serials != nil {
			at := &ev.Serials[i]
			p.Placed = func(s pusherproto.Serial) { *at = s }
		}
		if ev.Claim != nil && app.IdempotencyTTL > 0 {
			p.Once = ev.Claim
		}
		h.cluster.Publish(p)
	}
}
