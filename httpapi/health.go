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
// shutdown closes anything, so that load balancers look elsewhere first. What
// troubles all nodes alike is no 503: it would close the door on every client.
func (s *Server) ready(x *exchange) error {
	if err := s.unready(x); err != nil {
		return err
	}
	if s.cfg.Degraded != nil {
		if why := s.cfg.Degraded(); why != "" {
			return x.respond(http.StatusOK, append(pusherproto.AppendString([]byte(`{"status":"degraded","reason":`), why), '}'))
		}
	}
	return x.respond(http.StatusOK, []byte(`{"status":"ready"}`))
}

// unready is why clients may not be sent here, nil if they may.
func (s *Server) unready(x *exchange) error {
	if s.cfg.Ready != nil && !s.cfg.Ready() || s.draining() {
		setRetryAfter(x, retrySeconds)
		return &pusherproto.Error{Code: http.StatusServiceUnavailable, Message: "the server is starting or shutting down"}
	}
	return nil
}

func (s *Server) draining() bool { return s.cfg.Draining != nil && s.cfg.Draining() }
