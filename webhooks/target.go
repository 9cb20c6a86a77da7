package webhooks

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
)

// Policy returns an error if webhooks may not be posted to an address. It is
// called for literal addresses in URLs, and for every connection with the
// resolved address.
type Policy func(netip.Addr) error

// AnyTarget allows every address. It is for URLs in the operator's own
// configuration.
func AnyTarget(netip.Addr) error { return nil }

// PublicTargets allows only addresses of the public internet. It is for URLs
// that others supply, such as those of apps in a database, which could
// otherwise make the server send requests into its private network.
func PublicTargets(a netip.Addr) error {
	a = a.WithZone("").Unmap()
	for _, p := range special() {
		if p.Contains(a) {
			return fmt.Errorf("%s is not a public address", a)
		}
	}
	if a.Is4() {
		return nil
	}
	if !netip.MustParsePrefix("2000::/3").Contains(a) { // the only public range so far (RFC 4291 §2.4)
		return fmt.Errorf("%s is not a public address", a)
	}
	return nil
}

// special returns the networks of the IANA special-purpose registries (RFC
// 6890) that are not public, and those whose addresses contain an IPv4 address.
func special() []netip.Prefix {
	list := make([]netip.Prefix, 0, 24)
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}

// CheckTarget parses a URL and returns an error if it may not be posted to.
// Host names are accepted: the addresses they resolve to are checked at each
// connection.
func CheckTarget(raw string, allowed Policy) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("the url cannot be read") // err contains the URL, which may hold secrets
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
		return nil, errors.New("the url is not an http or https address")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := allowed(a); err != nil {
			return nil, err
		}
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// checkDial checks the address of a new connection.
func (p Policy) checkDial(address string) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("connect to %q: %w", address, err)
	}
	return p(a.Addr())
}
