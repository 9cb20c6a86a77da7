package channels

import (
	"context"
	"errors"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// ErrKeyUsed says that an idempotency key came with something else than before:
// nothing was delivered.
var ErrKeyUsed = errors.New("this idempotency key was used with another request; choose a new key for each event, and send the same request when you try again")

// ErrNoKeys says that idempotency keys are not remembered in a cluster.
var ErrNoKeys = errors.New("idempotency keys are not supported in a cluster; send the request without one")

// claims tells whether one of the events has an idempotency key that counts.
func claims(app *apps.App, events []pusherproto.Event) bool {
	if app.IdempotencyTTL <= 0 {
		return false
	}
	for i := range events {
		if events[i].Claim != nil {
			return true
		}
	}
	return false
}

// publishOnce is Publish and PublishBatch for events of which some have
// idempotency keys: it delivers those whose keys are new. Those of a call under way
// it waits for, and delivers them if that call fails. It fails with ErrKeyUsed,
// and delivers nothing, if a key is that of something else.
func (h *Hub) publishOnce(ctx context.Context, app *apps.App, events []pusherproto.Event) error {
	if h.alone == nil {
		return h.publishClaimed(ctx, app, events)
	}
	for {
		if err := h.accept(ctx, app.ID); err != nil {
			return err
		}
		other, err := h.deliverClaimed(app, events)
		h.closing.RUnlock()
		if other == nil {
			return err
		}
		if err := settled(ctx, other); err != nil {
			return err
		}
	}
}

// settled waits until a call under way has delivered its events, or failed.
func settled(ctx context.Context, other <-chan struct{}) error {
	timer := time.NewTimer(publishPatience)
	defer timer.Stop()
	select {
	case <-other:
		return nil
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// deliverClaimed claims the keys of events and delivers those that are new, on a
// node on its own. If a call under way has one of the keys it does nothing, and
// returns what is closed when that has ended.
func (h *Hub) deliverClaimed(app *apps.App, events []pusherproto.Event) (other <-chan struct{}, err error) {
	keys := &h.alone.app(app).keys
	fresh, made, other, err := keys.claim(events, app.IdempotencyTTL)
	if other != nil || err != nil {
		return other, err
	}
	delivered := false
	defer func() { keys.settle(made, delivered) }()
	h.tenant(app.ID).published.Add(uint64(len(fresh)))
	for i := range fresh {
		h.publish(app, &fresh[i], nil)
	}
	delivered = true
	return nil, nil
}

// publishClaimed is publishOnce in a cluster.
func (h *Hub) publishClaimed(context.Context, *apps.App, []pusherproto.Event) error {
	return ErrNoKeys
}
