package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"fanfare/sockets"
)

// newProxyHeaders has the connections of trusted proxies begin with a PROXY
// header, as the Config says.
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

// ProxyHeaders is what FrontConfig has, for a listener below TLS.
func (s *Server) ProxyHeaders() *sockets.ProxyHeaders { return s.proxyHeaders }

// unannounced answers a connection of a proxy that does not begin as it has to.
var unannounced = unasked(http.StatusBadRequest, "connections from this address begin with a PROXY protocol header, and this one does not")

// refusedProxy counts and logs such a connection, and returns its answer.
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
