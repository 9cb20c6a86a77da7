package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// trusted tells whether an address is one of a proxy of ours.
func (s *Server) trusted(addr netip.Addr) bool {
	for _, p := range s.live.Load().TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// overTLS tells whether the client's own connection is encrypted, by our own
// listener or by the word of a trusted proxy. Of several values the last is
// the proxy's own; those before may be the client's invention.
func (s *Server) overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if !s.trusted(peer(r.RemoteAddr)) {
		return false
	}
	proto := lastItem(r.Header["X-Forwarded-Proto"])
	return strings.EqualFold(proto, "https") || strings.EqualFold(proto, "wss")
}

// clientAddr is the caller's address for the log: the peer's, or the nearest
// one that the trusted proxies before us were told of and do not own.
func (s *Server) clientAddr(r *http.Request) netip.Addr {
	addr := peer(r.RemoteAddr)
	if !s.trusted(addr) {
		return addr
	}
	return s.nearestUntrusted(addr, r.Header["X-Forwarded-For"])
}

// mostHops is how many proxies of ours a request is followed through. Whoever
// sends thousands of addresses has invented them.
const mostHops = 64

func (s *Server) nearestUntrusted(addr netip.Addr, forwarded []string) netip.Addr {
	hops := 0
	for _, value := range slices.Backward(forwarded) {
		for more := true; more; hops++ {
			if hops == mostHops || !s.trusted(addr) {
				return addr
			}
			text := value
			if i := strings.LastIndexByte(value, ','); i >= 0 {
				value, text = value[:i], value[i+1:]
			} else {
				more = false
			}
			next, ok := hop(strings.TrimSpace(text))
			if !ok {
				return addr
			}
			addr = next
		}
	}
	return addr
}

// hop is an item of X-Forwarded-For: an address, to which some proxies add the
// port (AWS and Azure do).
func hop(text string) (addr netip.Addr, ok bool) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	addr = peer(text)
	return addr, addr.IsValid()
}

// peer is the address of an "address:port"; the zero Addr if it is none.
func peer(hostPort string) netip.Addr {
	ap, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func lastItem(values []string) string {
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	return strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
}
