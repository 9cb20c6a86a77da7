package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// trusted reports whether an address is a trusted proxy's. Peers on a Unix
// socket have no address and are trusted.
func (s *Server) trusted(addr netip.Addr) bool {
	if !addr.IsValid() {
		return s.cfg.OverUnix
	}
	return covers(s.live.Load().TrustedProxies, addr)
}

// exempt reports whether limits by address do not apply to an address.
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

// place returns the address that a caller's sockets are counted for, or the
// zero Addr if they are not counted.
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

// overTLS reports whether the client's connection is encrypted. That is so with
// TLS on our own listener, or if a trusted proxy says so in the PROXY header or
// in the request. Of several values only the last counts, because the proxy
// added it; the client may have written the others.
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

// encrypted reports whether headers of a trusted proxy say that the client's
// connection is encrypted.
func (s *Server) encrypted(protos, forwarded []string) bool {
	proto := lastItem(protos)
	if s.live.Load().ClientHeader == Forwarded {
		proto = lastForwarded(forwarded, "proto")
	}
	return strings.EqualFold(proto, "https") || strings.EqualFold(proto, "wss")
}

// clientAddr returns the caller's address: the peer's or, behind trusted
// proxies, the nearest address in the header that is not a proxy's.
func (s *Server) clientAddr(r *http.Request) netip.Addr {
	addr := peer(r.RemoteAddr)
	if !s.trusted(addr) {
		return addr
	}
	return s.client(addr, r.Header[string(s.live.Load().ClientHeader)])
}

// mostHops is the maximum of trusted proxies that are followed in a header. A
// longer list is forged.
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

// hop parses an item of X-Forwarded-For or Forwarded: an address, to which some
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

// peer returns the address of an "address:port", or the zero Addr if it is not
// valid.
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
