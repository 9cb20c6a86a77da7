package webhooks

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// Errors of Replay.
var (
	ErrNoDelivery    = errors.New("there is no such delivery, or it is no longer kept")
	ErrNotReplayable = errors.New("the delivery has not failed, or its events are no longer kept")
)

// Replay makes one more attempt at a failed delivery. It does not wait for
// other requests, so the events arrive out of order. It returns the delivery
// after the attempt.
func (s *Sender) Replay(ctx context.Context, id string) (Delivery, error) {
	a, body, err := s.failed(id)
	if err != nil {
		return Delivery{}, err
	}
	e, r := a.endpoint, s.recent
	begun := time.Now()
	now := e.present.Load()
	status, failure := 0, error(ErrNotReplayable)
	if app, ok := e.apps.ByID(e.app); ok {
		hook := strconv.AppendInt([]byte(`{"time_ms":`), begun.UnixMilli(), 10)
		status, failure = now.client.post(ctx, e.url, now.header, app.Keys[0], append(hook, body...), "")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a.busy = false
	a.enter(status, begun, failure)
	if failure == nil {
		r.drop(a)
	}
	return a.shown(now.index), nil
}

// failed returns a delivery that can be replayed, with its body, and marks it
// as busy.
func (s *Sender) failed(id string) (*attempted, []byte, error) {
	if s.recent == nil {
		return nil, nil, ErrNoDelivery
	}
	s.mu.Lock()
	listed := s.listed
	s.mu.Unlock()
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	for _, e := range listed {
		for _, a := range e.recent {
			switch {
			case a.ID != id:
			case a.body == nil || a.busy:
				return nil, nil, ErrNotReplayable
			default:
				a.busy = true
				return a, a.body, nil
			}
		}
	}
	return nil, nil, ErrNoDelivery
}
