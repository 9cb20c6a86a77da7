package httpapi

import (
	"net/http"
	"strconv"

	"fanfare/pusherproto"
)

// trigger answers POST /apps/ID/channels/NAME/events?name=&socket_id=, the
// endpoint before /events. The body is the data itself.
func (s *Server) trigger(x *exchange, r *request) error {
	channel, err := x.param("channel")
	if err != nil {
		return err
	}
	name, _ := r.query.Get("name")
	socketID, given := r.query.Get("socket_id")
	if given && socketID == "" {
		return badRequest(`socket_id: "" is not a socket id; send one such as "1234.5678", or leave it out`)
	}
	ev, bad := pusherproto.RawEvent(name, channel, socketID, r.body, protocolLimits(r.app.Limits))
	if bad != nil {
		return bad
	}
	if err := x.claimOne(r, &ev, channel); err != nil {
		return err
	}
	taken, err := s.spend(x, r.app, 1)
	if err != nil {
		return err
	}
	s.publishing(x, 1, 1)
	err = s.cfg.Hub.Publish(x.r.Context(), r.app, ev)
	s.published(x)
	if err := taken.settle(err); err != nil {
		return err
	}
	return x.nothing(http.StatusAccepted)
}

// stats answers GET /apps/ID/channels/NAME/stats, which /channels/NAME
// replaced.
func (s *Server) stats(x *exchange, r *request) error {
	name, kind, err := channelParam(x, r)
	if err != nil {
		return err
	}
	ch, err := s.cfg.Hub.Channel(x.r.Context(), r.app, name)
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
	return x.respond(http.StatusOK, o.b)
}
