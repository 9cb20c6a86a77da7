package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"fanfare/sockets"
)

const (
	namelessEvery = time.Hour
	mostNameless  = 64 // proxies that are distinguished in that time
)

// nameless are the trusted proxies that opened a socket without a header with
// the client's address and were warned about in the last hour. The zero value
// is ready to use.
type nameless struct {
	mu     sync.Mutex
	warned map[netip.Addr]time.Time
}

// first reports whether a proxy is to be warned about.
func (n *nameless) first(proxy netip.Addr, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at, ok := n.warned[proxy]; ok && now.Sub(at) < namelessEvery {
		return false
	}
	if len(n.warned) >= mostNameless {
		for known, at := range n.warned {
			if now.Sub(at) >= namelessEvery {
				delete(n.warned, known)
			}
		}
		if len(n.warned) >= mostNameless {
			return false
		}
	}
	if n.warned == nil {
		n.warned = make(map[netip.Addr]time.Time)
	}
	n.warned[proxy] = now
	return true
}

// missClient warns if a trusted proxy opens a socket without the client's
// address. All such clients count as one address, to which no limit by address
// applies.
func (s *Server) missClient(r *http.Request) {
	live := s.live.Load()
	if len(live.TrustedProxies) == 0 && !s.cfg.OverUnix || len(r.Header[string(live.ClientHeader)]) > 0 {
		return
	}
	proxy := peer(r.RemoteAddr)
	if !s.trusted(proxy) || !s.logs(slog.LevelWarn) || !s.nameless.first(proxy, s.cfg.Now()) {
		return
	}
	name := "the proxy on the Unix socket"
	if proxy.IsValid() {
		name = proxy.String()
	}
	header := string(live.ClientHeader)
	reason := name + " sends no " + header
	hint := "have it send that header, or name the one that it sends in http.client_address_header; if it passes on bytes and no requests, set http.proxy_protocol"
	if s.cfg.ProxyHeader != sockets.NoProxyHeader {
		reason += " and no PROXY header with a client address"
		hint = "have it send a PROXY header (HAProxy with send-proxy, nginx with proxy_protocol on)"
	}
	if proxy.IsValid() {
		hint += "; if it is not a proxy, remove it from http.trusted_proxies"
	}
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "a trusted proxy does not send the address of the client",
		slog.String("reason", reason), slog.String("hint", hint))
}
