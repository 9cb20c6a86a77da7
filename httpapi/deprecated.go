package httpapi

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"fanfare/pusherproto"
)

// trigger is POST /apps/ID/channels/NAME/events?name=&socket_id=, the way to
// publish before /events. The body is the data, as it is.
func (s *Server) trigger(c echo.Context, r *request) error {
	channel, err := param(c, "channel")
	if err != nil {
		return err
	}
	name, _ := r.query.Get("name")
	socketID, given := r.query.Get("socket_id")
	if given && socketID == "" {
		return badRequest(`socket_id: "" is not a socket id; it must look like "1234.5678", or be left out`)
	}
	ev, bad := pusherproto.RawEvent(name, channel, socketID, r.body, protocolLimits(r.app.Limits))
	if bad != nil {
		return bad
	}
	if err := s.spend(c, r.app, 1); err != nil {
		return err
	}
	if err := s.cfg.Hub.Publish(c.Request().Context(), r.app, ev); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

// stats is GET /apps/ID/channels/NAME/stats, which /channels/NAME replaced.
func (s *Server) stats(c echo.Context, r *request) error {
	name, kind, err := channelParam(c, r)
	if err != nil {
		return err
	}
	ch, err := s.cfg.Hub.Channel(c.Request().Context(), r.app, name)
	if err != nil {
		return err
	}
	o := object{b: append(make([]byte, 0, 64), '{')}
	o.key("occupied")
	o.b = strconv.AppendBool(o.b, ch.Sockets > 0)
	if kind.Presence() {
		o.number("user_count", ch.Users)
	}
	o.number("connection_count", ch.Sockets)
	o.close()
	return respond(c, http.StatusOK, o.b)
}
