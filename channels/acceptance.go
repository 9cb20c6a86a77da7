package channels

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// ErrAway means that the cluster could not be reached. The event was not delivered
// and will not be.
var ErrAway = errors.New("the cluster cannot be reached; nothing was delivered, try again")

// ErrDoubt means that the cluster did not confirm in time, or accepted only a part
// of what was published. The caller decides whether to publish it again.
var ErrDoubt = errors.New("the cluster did not confirm in time; what was published may have been delivered, all of it or a part")

// ErrFull means that the cluster has no memory for the event. The event was not
// delivered and will not be.
var ErrFull = errors.New("the cluster is out of memory; nothing was delivered, try again")

// ErrUnanswered means that the cluster did not answer a query, or did not confirm a
// request that can be repeated.
var ErrUnanswered = errors.New("the cluster did not answer, try again")

// acceptPatience is how long a publisher waits for the cluster. The cluster's own
// timeout is shorter.
const acceptPatience = 8 * time.Second

// acceptance collects the answers to the publications of one caller.
type acceptance struct {
	left atomic.Int32
	some atomic.Bool // at least one was accepted, or may have been
	err  atomic.Pointer[error]
	done func(error)
}

// answer receives the answer to one publication. After the last one it calls done.
func (a *acceptance) answer(err error) {
	if err != nil {
		a.err.CompareAndSwap(nil, &err)
	}
	if err == nil || errors.Is(err, ErrDoubt) {
		a.some.Store(true)
	}
	if a.left.Add(-1) > 0 {
		return
	}
	switch failure := a.err.Load(); {
	case failure == nil:
		a.done(nil)
	case a.some.Load():
		a.done(ErrDoubt)
	default:
		a.done(*failure)
	}
}

// publishThen passes events to the cluster and calls done, on any goroutine, when
// all are answered.
func (h *Hub) publishThen(app *apps.App, events []pusherproto.Event, done func(error)) {
	count, publications := uint64(len(events)), 0
	a := &acceptance{done: func(err error) {
		if err == nil {
			h.tenant(app.ID).published.Add(count)
		}
		done(err)
	}}
	for i := range events {
		publications += len(events[i].Channels)
	}
	if publications == 0 {
		done(nil)
		return
	}
	a.left.Store(int32(publications))
	accepted := a.answer // one closure for all
	for i := range events {
		h.publish(app, &events[i], accepted)
	}
}

// publishAndWait calls publishThen and waits for the result. The caller holds a
// read lock of closing, which publishAndWait unlocks when the cluster has the
// events.
func (h *Hub) publishAndWait(ctx context.Context, app *apps.App, events []pusherproto.Event) error {
	answer := make(chan error, 1)
	h.publishThen(app, events, func(err error) { answer <- err })
	h.closing.RUnlock()
	timer := time.NewTimer(acceptPatience)
	defer timer.Stop()
	select {
	case err := <-answer:
		return err
	case <-timer.C:
	case <-ctx.Done():
	case <-h.concluded:
	}
	return ErrDoubt
}

// Conclude ends all waits for the cluster's answers: publishers get ErrDoubt now,
// while the server can still answer them.
func (h *Hub) Conclude() { h.end.Do(func() { close(h.concluded) }) }
