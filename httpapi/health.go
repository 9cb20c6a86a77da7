package httpapi

import (
	"net/http"

	"fanfare/pusherproto"
)

// healthy is GET /healthz: the process answers.
func (s *Server) healthy(x *exchange) error {
	return x.respond(http.StatusOK, []byte(`{"status":"ok"}`))
}

// ready is GET /readyz: clients may be sent here. It turns to 503 before a
// shutdown closes anything, so that load balancers look elsewhere first.
func (s *Server) ready(x *exchange) error {
	if s.cfg.Ready != nil && !s.cfg.Ready() || s.draining() {
		setRetryAfter(x, retrySeconds)
		return &pusherproto.Error{Code: http.StatusServiceUnavailable, Message: "the server is starting or shutting down"}
	}
	return x.respond(http.StatusOK, []byte(`{"status":"ready"}`))
}

func (s *Server) draining() bool { return s.cfg.Draining != nil && s.cfg.Draining() }
