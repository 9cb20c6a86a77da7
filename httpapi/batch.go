package httpapi

import (
	"context"
	"slices"

	"fanfare/pusherproto"
)

// publishBatch answers POST /apps/ID/batch_events.
func (s *Server) publishBatch(x *exchange, r *request) error {
	events, bad := pusherproto.DecodeBatch(r.body, protocolLimits(r.app.Limits))
	if bad != nil {
		return bad
	}
	if len(events) == 0 {
		return x.done()
	}
	if err := x.claim(r, events, ""); err != nil {
		return err
	}
	taken, err := s.spend(x, r.app, len(events))
	if err != nil {
		return err
	}
	ctx := x.r.Context()
	for i := range events {
		makePlaces(&events[i])
	}
	s.publishing(x, len(events), len(events))
	err = s.cfg.Hub.PublishBatch(ctx, r.app, events)
	s.published(x)
	if err := taken.settle(err); err != nil {
		return err
	}
	if !slices.ContainsFunc(events, func(ev pusherproto.Event) bool { return ev.HasInfo }) {
		// Not {"batch":[]} or {"batch":{}}: SDKs fail on the latter
		// (docs/spec/http-api.md#batches).
		return x.done()
	}
	ctx, cancel := context.WithTimeout(ctx, countPatience)
	defer cancel()
	b := []byte(`{"batch":[`)
	for i := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendPublished(ctx, b, r.app, &events[i], 0)
	}
	return x.respond(200, append(b, "]}"...))
}
