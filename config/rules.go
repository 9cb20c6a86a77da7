package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// rules are the checks of texts that tags name.
func rules(name string) func(string) error {
	switch name {
	case "address":
		return checkAddress
	case "address_or_empty":
		return func(s string) error {
			if s == "" {
				return nil
			}
			return checkAddress(s)
		}
	case "path_prefix":
		return checkPathPrefix
	case "host_name":
		return checkHostName
	case "network":
		return func(s string) error { _, err := parseNetwork(s); return err }
	case "size":
		return func(s string) error { _, err := parseSize(s); return err }
	case "id":
		return checkName("the app's name in API paths, such as chat")
	case "key":
		return checkName("run `fanfare keys new` to make a key and its secret")
	case "secret":
		return checkSecret
	case "origin":
		return checkOrigin
	case "url":
		return checkURL
	case "pattern":
		return checkPattern
	}
	return nil
}

// CheckID tells what is wrong with the id of an app, if anything.
func CheckID(s string) error { return rules("id")(s) }

func checkAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		if _, numeric := strconv.Atoi(s); numeric == nil {
			return fmt.Errorf("%q lacks the colon of an address; write \":%s\"", s, s)
		}
		return fmt.Errorf("%q is not host:port; write for example \":6001\" or \"127.0.0.1:6001\"", s)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no port between 0 and 65535; write for example \":6001\"", s)
	}
	if strings.ContainsAny(host, "/ ") {
		return fmt.Errorf("%q has no host name or address before the port; leave out http:// and any path", s)
	}
	return nil
}

func checkPathPrefix(s string) error {
	if s == "" {
		return nil
	}
	unescaped := func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("?#%", c) }
	if !strings.HasPrefix(s, "/") || path.Clean(s) != s || s == "/" || strings.ContainsFunc(s, unescaped) {
		return fmt.Errorf("%q is not a path prefix; write it with a slash before and none behind, such as /rt", s)
	}
	if s == "/app" || s == "/apps" {
		return fmt.Errorf("%q is where paths of the server's own begin; choose another, such as /rt", s)
	}
	return nil
}

// checkHostName holds a name to what pusher-js puts before the port of its own
// URL.
func checkHostName(s string) error {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return fmt.Errorf("%q is not a bare host name; leave out http:// and the port, such as node1.example.com", s)
		}
	}
	return nil
}

// parseNetwork reads an address or a network. IPv4 in its IPv6 form becomes
// plain IPv4, as which peers are compared.
func parseNetwork(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network; write for example 127.0.0.1 or 10.0.0.0/8", s)
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if bits := p.Bits() - 96; p.Addr().Is4In6() && bits >= 0 {
		p = netip.PrefixFrom(p.Addr().Unmap(), bits)
	}
	return p.Masked(), nil
}

// checkName holds ids and keys to what paths, query strings and the "key:signature"
// form of authentication can carry unescaped.
func checkName(hint string) func(string) error {
	return func(s string) error {
		if s == "" {
			return fmt.Errorf("is missing; %s", hint)
		}
		for _, c := range s {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.~", c) {
				return fmt.Errorf("%q holds %q; use letters, digits, - _ . ~", s, c)
			}
		}
		if s == "." || s == ".." {
			return fmt.Errorf("%q is a path of its own; use letters and digits", s)
		}
		return nil
	}
}

// checkSecret never repeats the secret: errors end up in logs.
func checkSecret(s string) error {
	if s == "" {
		return errors.New("is missing; run `fanfare keys new` to make a key and its secret")
	}
	if strings.TrimSpace(s) != s {
		return errors.New("begins or ends with a blank; signatures would never match, so take it away")
	}
	return nil
}

func checkOrigin(s string) error {
	if s == "*" {
		return nil
	}
	host := s
	if scheme, after, found := strings.Cut(s, "://"); found {
		if scheme == "" || strings.ContainsAny(scheme, "*/ ") {
			return fmt.Errorf("%q is not an origin; write for example https://chat.example", s)
		}
		host = after
	}
	host = strings.TrimPrefix(host, "*.")
	if host == "" || strings.ContainsAny(host, "/*? #@") {
		return fmt.Errorf("%q is not an origin; write \"*\", chat.example, https://chat.example or *.example, without a path", s)
	}
	return nil
}

// checkURL never repeats the address, which may hold a password or a token.
func checkURL(s string) error {
	if s == "" {
		return errors.New("is missing; write the address of your endpoint, such as https://example.com/hooks")
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" {
		return errors.New("is not an http or https address; write for example https://example.com/hooks")
	}
	return nil
}

func checkPattern(s string) error {
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf("%q is not a regular expression (%v); write for example ^presence-room-[0-9]+$", s, err)
	}
	return nil
}
