package main

import (
	"context"
	"errors"
	"net/http"

	"fanfare/adminapi"
	"fanfare/webhooks"
)

// adminWebhooks gives the admin API the endpoints of webhooks.
type adminWebhooks struct{ hooks *webhooks.Sender }

// Endpoints implements adminapi.Webhooks.
func (w adminWebhooks) Endpoints(deliveries int) []adminapi.Endpoint {
	recent, places := w.hooks.Recent(deliveries)
	stats := w.hooks.Stats().Endpoints
	list := make([]adminapi.Endpoint, 0, len(stats))
	for i, e := range stats[:min(len(stats), len(recent))] { // a reload between the two calls may change the number
		to := adminapi.Endpoint{
			App: e.App, Endpoint: e.Endpoint, URL: places[i], Down: e.Down, Queued: e.Queued, Sent: e.Sent, Retried: e.Retried, Failed: e.Failed,
			Deliveries: make([]adminapi.Delivery, 0, len(recent[i])),
		}
		for _, d := range e.Dropped {
			to.Dropped += d.Events
		}
		for _, d := range recent[i] {
			to.Deliveries = append(to.Deliveries, shownDelivery(&d))
		}
		list = append(list, to)
	}
	return list
}

func shownDelivery(d *webhooks.Delivery) adminapi.Delivery {
	to := adminapi.Delivery{
		ID: d.ID, App: d.App, Endpoint: d.Endpoint, State: d.State, First: d.First.UTC(), Last: d.Last.UTC(), Status: d.Status, Error: d.Error,
		DurationMS: float64(d.Took.Microseconds()) / 1000, Attempts: d.Attempts, Events: make([]adminapi.HookEvent, 0, len(d.Events)),
		EventCount: d.EventCount, Replayable: d.Replayable,
	}
	if !d.Next.IsZero() {
		next := d.Next.UTC()
		to.Next = &next
	}
	for _, e := range d.Events {
		to.Events = append(to.Events, adminapi.HookEvent(e))
	}
	return to
}

// Replay implements adminapi.Webhooks.
func (w adminWebhooks) Replay(ctx context.Context, id string) (adminapi.Delivery, error) {
	d, err := w.hooks.Replay(ctx, id)
	switch {
	case errors.Is(err, webhooks.ErrNoDelivery):
		return adminapi.Delivery{}, &adminapi.Error{Status: http.StatusNotFound, Code: "not_found", Text: err.Error()}
	case errors.Is(err, webhooks.ErrNotReplayable):
		return adminapi.Delivery{}, &adminapi.Error{Status: http.StatusConflict, Code: "conflict", Text: err.Error()}
	case err != nil:
		return adminapi.Delivery{}, err
	}
	return shownDelivery(&d), nil
}
