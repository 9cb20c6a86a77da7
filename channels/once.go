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

// ErrNoKeys says that the cluster does not remember idempotency keys.
var ErrNoKeys = errors.New("idempotency keys are not remembered here; send the request without one")

// claims reports whether one of the events has an idempotency key that counts.
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

// Claimer is a Cluster that remembers idempotency keys.
type Claimer interface {
	// Claim claims the keys of a call, for the time that the app says. It fails with
	// ErrKeyUsed if one was claimed for another call, with ErrAway or ErrFull if they
	// cannot be remembered, or with the context's error.
	Claim(ctx context.Context, app *apps.App, claims []pusherproto.Claim) error
}

// publishClaimed is publishOnce in a cluster. Who repeats a call publishes its events
// again, of which the cluster drops those that have come: that completes a call of
// which only a part was done.
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

// claim claims keys within the time that a publisher waits.
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
