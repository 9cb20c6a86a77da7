package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"fanfare/sockets"
)

// newProxyHeaders configures the PROXY headers that connections of trusted
// proxies begin with.
func (s *Server) newProxyHeaders() *sockets.ProxyHeaders {
	return &sockets.ProxyHeaders{
		Expect: func(from netip.Addr) sockets.Expectation {
			if s.trusted(from) {
				return s.cfg.ProxyHeader
			}
			return sockets.NoProxyHeader
		},
		Refused: s.refusedProxy,
		Timeout: func() time.Duration { return s.live.Load().HeaderTimeout },
	}
}

// ProxyHeaders returns the PROXY header settings of FrontConfig, for a listener
// below TLS.
func (s *Server) ProxyHeaders() *sockets.ProxyHeaders { return s.proxyHeaders }

// unannounced is the answer to a trusted proxy's connection without a valid
// PROXY header.
var unannounced = unasked(http.StatusBadRequest, "connections from this address must begin with a PROXY protocol header")

// refusedProxy counts and logs such a connection and returns the answer.
func (s *Server) refusedProxy(from netip.Addr, why error) []byte {
	s.cfg.Hub.Refused(http.StatusBadRequest)
	attrs := []slog.Attr{slog.Int("code", http.StatusBadRequest), slog.String("reason", why.Error())}
	if from.IsValid() {
		attrs = append(attrs, slog.String("address", from.String()))
	}
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "connection refused", append(attrs,
		slog.String("hint", "http.proxy_protocol has proxies in http.trusted_proxies send one: HAProxy with send-proxy, nginx with proxy_protocol on"))...)
	return unannounced
}
