package httpapi

import "strings"

// originAllowed tells whether a browser's Origin is one of those an app lets
// in. A request without one is not a browser's and passes. Allowed are "*", a
// whole origin ("https://chat.example"), a host with any scheme and port
// ("chat.example"), a host with one port, and "*." for all subdomains in place
// of a host's first label, with or without a scheme. An empty list is every
// origin.
func originAllowed(header, allowed []string) bool {
	if len(header) == 0 || len(allowed) == 0 {
		return true
	}
	if len(header) > 1 {
		return false
	}
	origin := parseOrigin(header[0])
	for _, pattern := range allowed {
		if pattern == "*" || strings.EqualFold(pattern, header[0]) || origin.matches(parseOrigin(pattern)) {
			return true
		}
	}
	return false
}

// origin is an origin or a pattern for one, in lower case. scheme and port are
// empty where the text has none, port also where it is the scheme's own.
type origin struct{ scheme, host, port string }

func parseOrigin(text string) origin {
	var o origin
	text = strings.ToLower(text)
	o.host = text
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		o.scheme, o.host = scheme, rest
	}
	// The colons of an IPv6 address are inside of brackets.
	if i := strings.LastIndexByte(o.host, ':'); i > strings.LastIndexByte(o.host, ']') {
		o.host, o.port = o.host[:i], o.host[i+1:]
	}
	if o.scheme == "http" && o.port == "80" || o.scheme == "https" && o.port == "443" {
		o.port = ""
	}
	return o
}

func (o origin) matches(pattern origin) bool {
	if pattern.scheme != "" && (o.scheme != pattern.scheme || o.port != pattern.port) {
		return false
	}
	if pattern.port != "" && o.port != pattern.port {
		return false
	}
	if suffix, ok := strings.CutPrefix(pattern.host, "*"); ok && strings.HasPrefix(suffix, ".") {
		return len(o.host) > len(suffix) && strings.HasSuffix(o.host, suffix)
	}
	return o.host == pattern.host && o.host != ""
}
