package httpapi

import (
	"context"
	"log/slog"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// publish answers POST /apps/ID/events.
func (s *Server) publish(x *exchange, r *request) error {
	ev, bad := pusherproto.DecodeEvent(r.body, r.query, protocolLimits(r.app.Limits))
	if bad != nil {
		return bad
	}
	if err := x.claimOne(r, &ev, ""); err != nil {
		return err
	}
	taken, err := s.spend(x, r.app, 1)
	if err != nil {
		return err
	}
	ctx := x.r.Context()
	makePlaces(&ev)
	s.publishing(x, len(ev.Channels), 1)
	err = s.cfg.Hub.Publish(ctx, r.app, ev)
	s.published(x)
	if err := taken.settle(err); err != nil {
		return err
	}
	if !ev.HasInfo {
		return x.done()
	}
	ctx, cancel := context.WithTimeout(ctx, countPatience)
	defer cancel()
	b := []byte(`{"channels":{`)
	for i, name := range ev.Channels {
		if i > 0 {
			b = append(b, ',')
		}
		b = pusherproto.AppendString(b, name)
		b = append(b, ':')
		b = s.appendPublished(ctx, b, r.app, &ev, i)
	}
	return x.respond(200, append(b, "}}"...))
}

// countPatience is how long the answer to a publish waits for the requested
// counts.
const countPatience = 5 * time.Second

// makePlaces makes publishing return the serials of an event if they are
// requested.
func makePlaces(ev *pusherproto.Event) {
	if ev.Info&pusherproto.InfoSerial != 0 {
		ev.Serials = make([]pusherproto.Serial, len(ev.Channels))
	}
}

// appendPublished appends the requested attributes of the event's i-th channel.
// Attributes that do not apply to it are left out (docs/spec/http-api.md#info).
func (s *Server) appendPublished(ctx context.Context, b []byte, app *apps.App, ev *pusherproto.Event, i int) []byte {
	name, counts := ev.Channels[i], ev.Info&^pusherproto.InfoSerial
	kind := pusherproto.KindOf(name)
	if !kind.Presence() {
		counts &^= pusherproto.InfoUserCount
	}
	o := object{b: append(b, '{')}
	if counts != 0 && !kind.UserChannel() {
		ch, err := s.cfg.Hub.Channel(ctx, app, name)
		if err == nil {
			o.counts(ch, counts)
		} else { // the event is sent: an error would make the caller send it again
			s.log.Warn("counts are missing from an answer", slog.String("app", app.ID), slog.String("channel", name), slog.Any("error", err))
		}
	}
	if ev.Serials != nil && ev.Serials[i] != (pusherproto.Serial{}) {
		o.serial("serial", ev.Serials[i])
	}
	return append(o.b, '}')
}
