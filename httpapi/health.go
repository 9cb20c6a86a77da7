package httpapi

import (
	"net/http"

	"fanfare/pusherproto"
)

// healthy answers GET /healthz: the process is running.
func (s *Server) healthy(x *exchange) error {
	return x.respond(http.StatusOK, []byte(`{"status":"ok"}`))
}

// ready answers GET /readyz: the server accepts clients. It returns 503 before
// a shutdown closes connections, so that load balancers stop sending clients
// first. A problem that affects all nodes alike is not reported as 503, since
// load balancers would then refuse every client.
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

// unready returns why the server does not accept clients, or nil.
func (s *Server) unready(x *exchange) error {
	if s.cfg.Ready != nil && !s.cfg.Ready() || s.draining() {
		setRetryAfter(x, retrySeconds)
		return &pusherproto.Error{Code: http.StatusServiceUnavailable, Message: "the server is starting or shutting down"}
	}
	return nil
}

func (s *Server) draining() bool { return s.cfg.Draining != nil && s.cfg.Draining() }
