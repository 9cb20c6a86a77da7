package httpapi

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ClientHeader is the header by which trusted proxies tell the client's address.
// Only one is read: of another, which a proxy passes on as it came, a client
// would have the choice.
type ClientHeader string

// The headers there are, in the form of net/http's keys.
const (
	XForwardedFor  ClientHeader = "X-Forwarded-For" // a list, to which each proxy adds; the default
	Forwarded      ClientHeader = "Forwarded"       // the same with more in it (RFC 7239)
	CFConnectingIP ClientHeader = "Cf-Connecting-Ip"
	TrueClientIP   ClientHeader = "True-Client-Ip"
	XRealIP        ClientHeader = "X-Real-Ip"
)

func (h ClientHeader) check() error {
	switch h {
	case XForwardedFor, Forwarded, CFConnectingIP, TrueClientIP, XRealIP:
		return nil
	}
	return fmt.Errorf("%q is no header of a client's address", string(h))
}

// client is the address that a trusted proxy tells in the values of its header:
// the nearest that is not a proxy's, the proxy's own if there is none.
func (s *Server) client(proxy netip.Addr, values []string) netip.Addr {
	switch s.live.Load().ClientHeader {
	case XForwardedFor:
		return s.nearestUntrusted(proxy, values)
	case Forwarded:
		return s.nearestForwarded(proxy, values)
	}
	if len(values) != 1 {
		return proxy
	}
	if addr, ok := hop(strings.TrimSpace(values[0])); ok {
		return addr
	}
	return proxy
}

// nearestForwarded is nearestUntrusted for the header Forwarded.
func (s *Server) nearestForwarded(addr netip.Addr, forwarded []string) netip.Addr {
	hops := 0
	for _, value := range slices.Backward(forwarded) {
		elements, ok := splitQuoted(value, ',')
		if !ok {
			return addr
		}
		for _, element := range slices.Backward(elements) {
			if hops++; hops > mostHops || !s.trusted(addr) {
				return addr
			}
			next, ok := hop(forwardedParameter(element, "for"))
			if !ok { // unknown, or hidden behind a name
				return addr
			}
			addr = next
		}
	}
	return addr
}

// lastForwarded is a parameter of the last element, which the proxy before us
// added; "" if there is none.
func lastForwarded(forwarded []string, name string) string {
	if len(forwarded) == 0 {
		return ""
	}
	elements, ok := splitQuoted(forwarded[len(forwarded)-1], ',')
	if !ok {
		return ""
	}
	return forwardedParameter(elements[len(elements)-1], name)
}

// forwardedParameter is the value of a parameter of one element of Forwarded,
// without its quotes; "" if the element has none, or more than one.
func forwardedParameter(element, name string) string {
	parameters, _ := splitQuoted(element, ';')
	found, times := "", 0
	for _, p := range parameters {
		key, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			found = strings.TrimSpace(value)
			times++
		}
	}
	if times != 1 {
		return ""
	}
	if inner, quoted := strings.CutPrefix(found, `"`); quoted {
		inner, whole := strings.CutSuffix(inner, `"`)
		if !whole || strings.ContainsAny(inner, `"\`) { // no address and no scheme has them
			return ""
		}
		return inner
	}
	return found
}

// splitQuoted splits text at a separator outside of quotes. ok is false if a quote
// is not closed.
func splitQuoted(text string, separator byte) (parts []string, ok bool) {
	quoted, begin := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	return append(parts, text[begin:]), !quoted
}
