package channels

import (
	"context"
	"errors"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// ErrKeyUsed means that an idempotency key was used with another request before.
// Nothing was delivered.
var ErrKeyUsed = errors.New("this idempotency key was used with another request; choose a new key for each event, and send the same request when you try again")

// ErrNoKeys means that the cluster does not support idempotency keys.
var ErrNoKeys = errors.New("idempotency keys are not remembered here; send the request without one")

// claims reports whether an event has an idempotency key and the app supports them.
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

// publishOnce is Publish and PublishBatch for events of which some have idempotency
// keys: it delivers the events whose keys are new. If a call in progress has one of
// the keys, it waits for that call, and delivers the events if that call fails. It
// fails with ErrKeyUsed, and delivers nothing, if a key was used with another
// request.
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

// settled waits until a call in progress has delivered its events or failed.
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

// deliverClaimed claims the keys of events and delivers the new ones, on a single
// node. If a call in progress has one of the keys, it does nothing; other is closed
// when that call ends.
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

// Claimer is a Cluster that remembers idempotency keys.
type Claimer interface {
	// Claim claims the keys of a call for the app's IdempotencyTTL. It fails with
	// ErrKeyUsed if one was claimed for another call, with ErrAway or ErrFull if
	// they cannot be stored, or with the context's error.
	Claim(ctx context.Context, app *apps.App, claims []pusherproto.Claim) error
}

// publishClaimed is publishOnce in a cluster. A repeated call publishes all its
// events again, and the cluster drops those that it has already: this completes a
// call that was executed only in part.
func (h *Hub) publishClaimed(ctx context.Context, app *apps.App, events []pusherproto.Event) error {
	c, ok := h.cluster.(Claimer)
	if !ok {
		return ErrNoKeys
	}
	if h.closed.Load() {
		return ErrDraining
	}
	keys := make([]pusherproto.Claim, 0, len(events))
	for i := range events {
		if events[i].Claim != nil {
			keys = append(keys, *events[i].Claim)
		}
	}
	if err := h.claim(ctx, c, app, keys); err != nil {
		return err
	}
	if err := h.accept(ctx, app.ID); err != nil {
		return err
	}
	return h.publishAndWait(ctx, app, events)
}

// claim claims keys; it waits at most acceptPatience.
func (h *Hub) claim(ctx context.Context, c Claimer, app *apps.App, keys []pusherproto.Claim) error {
	patience, cancel := context.WithTimeout(ctx, acceptPatience)
	defer cancel()
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() {
		close(stop)
		<-stopped
	}()
	go func() {
		defer close(stopped)
		select {
		case <-h.concluded:
			cancel()
		case <-stop:
		}
	}()
	err := c.Claim(patience, app, keys)
	if patience.Err() != nil && ctx.Err() == nil {
		return ErrAway // nothing was published yet
	}
	return err
}
