package httpapi

import (
	"net/http"

	"fanfare/pusherproto"
)

// listUsers answers GET /apps/ID/channels/NAME/users. Ids are always strings,
// even if they were signed as numbers: SDKs fail on numbers.
func (s *Server) listUsers(x *exchange, r *request) error {
	name, kind, err := channelParam(x, r)
	if err != nil {
		return err
	}
	if !kind.Presence() {
		return badRequest("Users can only be retrieved for presence channels, which %s is not", quoted(name))
	}
	ids, err := s.cfg.Hub.Members(x.r.Context(), r.app, name)
	if err != nil {
		return err
	}
	b := append(make([]byte, 0, 16+24*len(ids)), `{"users":[`...)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = pusherproto.AppendString(b, id)
		b = append(b, '}')
	}
	return x.respond(http.StatusOK, append(b, "]}"...))
}

// terminate answers POST /apps/ID/users/USER_ID/terminate_connections. It
// succeeds also for a user without connections.
func (s *Server) terminate(x *exchange, r *request) error {
	user, err := x.param("user")
	if err != nil {
		return err
	}
	if err := s.cfg.Hub.TerminateUser(x.r.Context(), r.app, user); err != nil {
		return err
	}
	return x.done()
}
