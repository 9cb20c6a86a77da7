package httpapi

import (
	"net/http"
	"strconv"

	"fanfare/pusherproto"
)

// What Reverb and soketi answer besides the API of Pusher, for the checks and
// dashboards of those who come from there (docs/moving.md).

// countConnections is Reverb's GET /apps/ID/connections, which Laravel Pulse
// reads.
func (s *Server) countConnections(x *exchange, r *request) error {
	b := strconv.AppendInt([]byte(`{"connections":`), int64(s.cfg.Hub.Sockets(r.app)), 10)
	return x.respond(http.StatusOK, append(b, '}'))
}

// up is Reverb's GET /up: the process answers.
func (s *Server) up(x *exchange) error {
	return x.respond(http.StatusOK, []byte(`{"health":"OK"}`))
}

// readyInAWord is soketi's GET /ready: clients may be sent here.
func (s *Server) readyInAWord(x *exchange) error {
	if err := s.unready(x); err != nil {
		return err
	}
	x.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := x.Write([]byte("OK"))
	return err
}

// acceptsTraffic is soketi's GET /accept-traffic: clients may be sent here, and
// there is memory for them. soketi also says how much, to anybody; here that is
// at /usage on the port of the metrics.
func (s *Server) acceptsTraffic(x *exchange) error {
	if s.cfg.Account.Full() {
		setRetryAfter(x, retrySeconds)
		return &pusherproto.Error{Code: http.StatusServiceUnavailable, Message: "memory is short: new clients are refused"}
	}
	return s.readyInAWord(x)
}
