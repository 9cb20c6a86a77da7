package apps

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// AllowsOrigin reports whether a page with the given Origin header may connect to
// the app. An empty list allows every page.
func (a *App) AllowsOrigin(origin string) bool {
	for _, text := range a.AllowedOrigins {
		if text == "*" {
			return true
		}
		if p, err := ParseOriginPattern(text); err == nil && p.Matches(origin) {
			return true
		}
	}
	return len(a.AllowedOrigins) == 0
}

// OriginPattern is one entry of an app's AllowedOrigins. A single asterisk matches
// every page; the other forms are
//
//	https://chat.example    this scheme, host and port
//	chat.example            this host, with any scheme and port
//	chat.example:8443       this host and port, with any scheme
//	*.chat.example          its subdomains; a scheme and a port may be added
//	file://                 pages from files, in browsers that send this origin (Chromium, Android)
//	null                    pages without an origin: sandboxed frames, files in Firefox
//
// A missing port means the default port of the scheme. Upper and lower case are
// equal.
type OriginPattern struct {
	any, null  bool
	subdomains bool // of host, and not host itself
	origin
}

// origin holds the three parts of a page's origin (RFC 6454 §4).
type origin struct {
	scheme string
	host   string // an IPv6 address is in brackets
	port   uint16 // 0 means any port in a pattern without a scheme, or a scheme without a port
}

// ParseOriginPattern parses a pattern. Its errors say what to write instead.
func ParseOriginPattern(text string) (OriginPattern, error) {
	switch {
	case text == "*":
		return OriginPattern{any: true}, nil
	case strings.EqualFold(text, "null"):
		return OriginPattern{null: true}, nil
	}
	p := OriginPattern{}
	scheme, rest, schemed := strings.Cut(text, "://")
	if !schemed {
		scheme, rest = "", text
	}
	bare := strings.TrimPrefix(rest, "*.")
	p.subdomains = bare != rest
	o, ok := parseOrigin(scheme, bare)
	p.origin = o
	wrong := ""
	switch {
	case schemed && !isScheme(scheme):
		wrong = `is not an origin; write for example https://chat.example`
	case equalsAny(scheme, "ws", "wss"):
		wrong = `is the address of a socket; write the origin of the page that opens it, such as https://chat.example`
	case strings.Trim(rest, "/") == "" && schemed && equalsAny(scheme, "file"):
		if rest != "" {
			wrong = `has a path; write file://`
		}
	case strings.HasSuffix(rest, ":*"):
		wrong = `has a wildcard for the port; write the host alone, which stands for every port`
	case strings.Contains(bare, "*"):
		wrong = `has a wildcard in the wrong place; write "*" for every page, or *.chat.example for subdomains`
	case strings.ContainsAny(bare, "/?#@"):
		wrong = `is more than an origin; write "*", chat.example, https://chat.example or *.chat.example, without a path`
	case !isASCII(bare):
		wrong = `is not written as browsers send it; write the host in its ASCII form, which begins with xn--`
	case strings.Count(bare, ":") > 1 && bare[0] != '[':
		wrong = `is not an origin; write an IPv6 address in brackets, such as http://[::1]:3000`
	case !ok:
		wrong = `is not an origin; write "*", chat.example, https://chat.example, *.chat.example or chat.example:8443`
	}
	if wrong != "" {
		return OriginPattern{}, fmt.Errorf("%q %s", text, wrong)
	}
	return p, nil
}

// Matches reports whether the pattern matches the Origin header of a page.
func (p OriginPattern) Matches(header string) bool {
	if p.any || p.null {
		return p.any || strings.EqualFold(header, "null")
	}
	scheme, rest, schemed := strings.Cut(header, "://")
	if !schemed || !isScheme(scheme) {
		return false
	}
	if equalsAny(p.scheme, "file") {
		return equalsAny(scheme, "file") && rest == ""
	}
	o, ok := parseOrigin(scheme, rest)
	switch {
	case !ok:
		return false
	case p.scheme != "" && (!strings.EqualFold(p.scheme, o.scheme) || p.port != o.port):
		return false
	case p.port != 0 && p.port != o.port:
		return false
	case p.subdomains:
		cut := len(o.host) - len(p.host) - 1
		return cut > 0 && o.host[cut] == '.' && strings.EqualFold(o.host[cut+1:], p.host)
	case p.host[0] == '[':
		return sameAddress(p.host, o.host)
	}
	return strings.EqualFold(p.host, o.host)
}

// parseOrigin parses the part of an origin after "://". ok is false if no browser
// sends such an origin.
func parseOrigin(scheme, rest string) (o origin, ok bool) {
	o = origin{scheme: scheme, host: rest}
	// The colons of an IPv6 address are inside of brackets.
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		n, err := strconv.ParseUint(rest[i+1:], 10, 16)
		if err != nil || n == 0 {
			return o, false
		}
		o.host, o.port = rest[:i], uint16(n)
	} else {
		o.port = ownPort(scheme)
	}
	if strings.HasPrefix(o.host, "[") {
		_, ok := address(o.host)
		return o, ok
	}
	for label := range strings.SplitSeq(o.host, ".") {
		if label == "" || !allBytes(label, labelByte) {
			return o, false
		}
	}
	return o, true
}

// ownPort returns the default port of a scheme, 0 if it has none.
func ownPort(scheme string) uint16 {
	switch {
	case equalsAny(scheme, "http", "ws"):
		return 80
	case equalsAny(scheme, "https", "wss"):
		return 443
	}
	return 0
}

// sameAddress reports whether two IPv6 addresses in brackets are equal; one address
// can be written in several ways.
func sameAddress(a, b string) bool {
	x, ok := address(a)
	y, also := address(b)
	return ok && also && x == y
}

func address(bracketed string) (netip.Addr, bool) {
	inner, ok := strings.CutSuffix(strings.TrimPrefix(bracketed, "["), "]")
	if !ok {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(inner)
	return a, err == nil && a.Is6() && a.Zone() == ""
}

func equalsAny(s string, names ...string) bool {
	for _, name := range names {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

func allBytes(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return s != ""
}

func labelByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// isScheme reports whether s is the name of a scheme (RFC 3986 §3.1).
func isScheme(s string) bool {
	letter := func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
	return s != "" && letter(s[0]) && allBytes(s, func(c byte) bool { return labelByte(c) && c != '_' || c == '+' || c == '.' })
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f }) }
