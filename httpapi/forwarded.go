package httpapi

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ClientHeader is the header in which trusted proxies send the client's
// address. Only one header is read: a proxy may pass others on unchanged, so a
// client could choose their value.
type ClientHeader string

// The supported headers, in the form of net/http's keys.
const (
	XForwardedFor  ClientHeader = "X-Forwarded-For" // a list that each proxy appends to; the default
	Forwarded      ClientHeader = "Forwarded"       // also a list, with more parameters (RFC 7239)
	CFConnectingIP ClientHeader = "Cf-Connecting-Ip"
	TrueClientIP   ClientHeader = "True-Client-Ip"
	XRealIP        ClientHeader = "X-Real-Ip"
)

func (h ClientHeader) check() error {
	switch h {
	case XForwardedFor, Forwarded, CFConnectingIP, TrueClientIP, XRealIP:
		return nil
	}
	return fmt.Errorf("%q is not a supported header for the client's address", string(h))
}

// client returns the client's address from a trusted proxy's header: the
// nearest address that is not a proxy's, or the proxy's own if there is none.
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

// lastForwarded returns a parameter of the last element, which the nearest
// proxy added, or "".
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

// forwardedParameter returns a parameter of an element of Forwarded without its
// quotes, or "" if the element does not have exactly one.
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
		if !whole || strings.ContainsAny(inner, `"\`) { // addresses and schemes never contain them
			return ""
		}
		return inner
	}
	return found
}

// cutLast cuts text at the last separator outside of quotes. It searches from
// the end, which the proxy wrote, so a quote that a client leaves open cannot
// hide what the proxy appended. more reports whether there is a separator;
// whole is false if the last part ends a quote that it does not begin.
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

// escaped reports whether a backslash at the end of text escapes the next
// character.
func escaped(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}
