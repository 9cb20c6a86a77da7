package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// trusted reports whether an address is one of a proxy of ours. Over a Unix socket
// they have none.
func (s *Server) trusted(addr netip.Addr) bool {
	if !addr.IsValid() {
		return s.cfg.OverUnix
	}
	return covers(s.live.Load().TrustedProxies, addr)
}

// exempt reports whether no bound by address holds for an address.
func (s *Server) exempt(addr netip.Addr) bool {
	return s.trusted(addr) || covers(s.live.Load().ExemptAddresses, addr)
}

func covers(networks []netip.Prefix, addr netip.Addr) bool {
	for _, p := range networks {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// place is whose sockets are counted together with those of a caller; the zero
// Addr if they are not counted.
func (s *Server) place(r *http.Request) netip.Addr {
	if !s.live.Load().CountAddresses {
		return netip.Addr{}
	}
	addr := s.clientAddr(r)
	if !addr.IsValid() || s.exempt(addr) {
		return netip.Addr{}
	}
	return network(addr)
}

// overTLS reports whether the client's own connection is encrypted, by our own
// listener or by the word of a trusted proxy, in front of the connection or in
// the request. Of several values the last is the proxy's own; those before may
// be the client's invention.
func (s *Server) overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if c, ok := connOf(r).(interface{ Secure() bool }); ok && c.Secure() {
		return true
	}
	if !s.trusted(peer(r.RemoteAddr)) {
		return false
	}
	return s.encrypted(r.Header["X-Forwarded-Proto"], r.Header["Forwarded"])
}

// encrypted reports whether a trusted proxy says, in those headers, that the
// client's connection is.
func (s *Server) encrypted(protos, forwarded []string) bool {
	proto := lastItem(protos)
	if s.live.Load().ClientHeader == Forwarded {
		proto = lastForwarded(forwarded, "proto")
	}
	return strings.EqualFold(proto, "https") || strings.EqualFold(proto, "wss")
}

// clientAddr is the caller's address for the log: the peer's, or the nearest
// one that the trusted proxies before us were told of and do not own.
func (s *Server) clientAddr(r *http.Request) netip.Addr {
	addr := peer(r.RemoteAddr)
	if !s.trusted(addr) {
		return addr
	}
	return s.client(addr, r.Header[string(s.live.Load().ClientHeader)])
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

// hop is an item of X-Forwarded-For and its like: an address, to which some
// proxies add the port (AWS and Azure do).
func hop(text string) (addr netip.Addr, ok bool) {
	if len(text) > 2 && text[0] == '[' && text[len(text)-1] == ']' { // of IPv6, in Forwarded
		text = text[1 : len(text)-1]
	}
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
