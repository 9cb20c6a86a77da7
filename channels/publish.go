package channels

import (
	"context"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// Publish delivers an event of the HTTP API to each of its channels. It waits while
// the event loops are behind with the app's mail, and fails with ErrBusy,
// ErrDraining or the context's error; then nothing was delivered. If the context
// has ended already, nothing is delivered either.
//
// In a cluster it then waits until the event is accepted on all channels. It fails
// with ErrAway or ErrFull if the event was accepted on no channel and will not be,
// else with ErrDoubt.
//
// An event with an idempotency key is delivered once within the app's
// IdempotencyTTL: see publishOnce.
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

// accept waits until the app's mail has room for an event, and takes a read lock of
// closing, for which Close waits. The caller unlocks it when the cluster has the
// event.
func (h *Hub) accept(ctx context.Context, appID string) error {
	if err := h.room(ctx, appID); err != nil {
		return err
	}
	h.closing.RLock()
	err := ctx.Err() // may have ended in the meantime
	if h.closed.Load() {
		err = ErrDraining
	}
	if err != nil {
		h.closing.RUnlock()
	}
	return err
}

// TryPublish delivers events in order if it need not wait; otherwise it fails with
// ErrBusy or ErrDraining, and nothing was delivered. It is for event loops, for
// which Close does not wait. In a cluster it always fails with ErrBusy; use
// TryPublishThen there. It also fails with ErrBusy while another call has one of
// the events' idempotency keys, and with ErrKeyUsed if one was used with another
// request.
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

// TryPublishThen is TryPublish for a cluster. It fails with ErrBusy if an event has
// an idempotency key, because the claim needs a round trip. done is called once, on
// any goroutine, possibly before TryPublishThen returns, with nil or an error as
// from Publish. If TryPublishThen fails, done is not called.
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

// AnswersLater reports whether the hub is part of a cluster, which accepts an event
// only after a round trip.
func (h *Hub) AnswersLater() bool { return h.shared }

// ready returns why an event cannot be accepted without waiting, or nil if it can.
func (h *Hub) ready(appID string) error {
	if h.closed.Load() {
		return ErrDraining
	}
	if h.tenant(appID).pressure.High() {
		return ErrBusy
	}
	return nil
}

// PublishBatch delivers events in order, as Publish does. A single node delivers
// the whole batch or, on error, nothing. In a cluster ErrAway and ErrFull mean that
// nothing was delivered; on ErrDoubt a part of the batch may have been delivered.
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

// publish passes an event to the cluster, once for each of its channels.
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
			// ev.Data may be the caller's request buffer. In the frame it is the
			// last member, before the closing brace.
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
