package httpapi

import (
	"net/http"
	"strconv"

	"fanfare/pusherproto"
)

// Endpoints of Reverb and soketi that Pusher's API does not have, for the
// checks and dashboards of people who move from these servers (docs/moving.md).

// countConnections answers Reverb's GET /apps/ID/connections, which Laravel
// Pulse uses.
func (s *Server) countConnections(x *exchange, r *request) error {
	b := strconv.AppendInt([]byte(`{"connections":`), int64(s.cfg.Hub.Sockets(r.app)), 10)
	return x.respond(http.StatusOK, append(b, '}'))
}

// up answers Reverb's GET /up: the process is running.
func (s *Server) up(x *exchange) error {
	return x.respond(http.StatusOK, []byte(`{"health":"OK"}`))
}

// readyInAWord answers soketi's GET /ready: the server accepts clients.
func (s *Server) readyInAWord(x *exchange) error {
	if err := s.unready(x); err != nil {
		return err
	}
	x.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := x.Write([]byte("OK"))
	return err
}

// acceptsTraffic answers soketi's GET /accept-traffic: the server accepts
// clients and has memory for them. soketi also shows memory figures to
// everyone; here they are at /usage on the metrics port.
func (s *Server) acceptsTraffic(x *exchange) error {
	if s.cfg.Account.Full() {
		setRetryAfter(x, retrySeconds)
		return &pusherproto.Error{Code: http.StatusServiceUnavailable, Message: "memory is short: new clients are refused"}
	}
	return s.readyInAWord(x)
}
