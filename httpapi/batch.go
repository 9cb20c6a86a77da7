package httpapi

import (
	"slices"

	"github.com/labstack/echo/v4"

	"fanfare/pusherproto"
)

// publishBatch is POST /apps/ID/batch_events.
func (s *Server) publishBatch(c echo.Context, r *request) error {
	events, bad := pusherproto.DecodeBatch(r.body, protocolLimits(r.app.Limits))
	if bad != nil {
		return bad
	}
	if len(events) == 0 {
		return done(c)
	}
	if err := s.spend(c, r.app, len(events)); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := s.cfg.Hub.PublishBatch(ctx, r.app, events); err != nil {
		return err
	}
	if !slices.ContainsFunc(events, func(ev pusherproto.Event) bool { return ev.HasInfo }) {
		// Not {"batch":[]} or {"batch":{}}: SDKs fail on the latter (spec: http-api section 3).
		return done(c)
	}
	b := []byte(`{"batch":[`)
	for i := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendPublished(ctx, b, r.app, events[i].Channels[0], events[i].Info)
	}
	return respond(c, 200, append(b, "]}"...))
}
