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
		for more := true; more; hops++ {
			if hops == mostHops || !s.trusted(addr) {
				return addr
			}
			var element string
			var whole bool
			if value, element, more, whole = cutLast(value, ','); !whole {
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
	_, element, _, whole := cutLast(forwarded[len(forwarded)-1], ',')
	if !whole {
		return ""
	}
	return forwardedParameter(element, name)
}

// forwardedParameter is the value of a parameter of one element of Forwarded,
// without its quotes; "" if the element has none, or more than one.
func forwardedParameter(element, name string) string {
	found, times := "", 0
	for more := true; more; {
		var p string
		element, p, more, _ = cutLast(element, ';')
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

// cutLast cuts text at the last separator outside of quotes. It looks from the end,
// which is the proxy's: a quote that a client opens and does not close hides nothing
// of what the proxy adds behind it. more reports whether there is a separator; whole is
// false if the last part has the end of a quote and not its beginning.
func cutLast(text string, separator byte) (before, last string, more, whole bool) {
	quoted := false
	for i := len(text) - 1; i >= 0; i-- {
		switch c := text[i]; {
		case c == '"' && !escaped(text[:i]):
			quoted = !quoted
		case c == separator && !quoted:
			return text[:i], text[i+1:], true, true
		}
	}
	return "", text, false, !quoted
}

// escaped reports whether a backslash makes what is behind text a part of a quote.
func escaped(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}
