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
	"unicode"

	"fanfare/apps"
)

// rules returns the check of texts that a tag names; nil if there is none.
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
	case "listen":
		return checkListen
	case "file_mode":
		return checkFileMode
	case "path_prefix":
		return checkPathPrefix
	case "host_name":
		return checkHostName
	case "domain":
		return checkDomain
	case "email":
		return checkEmail
	case "directory":
		return checkDirectory
	case "network":
		return func(s string) error { _, err := parseNetwork(s); return err }
	case "memory":
		return checkMemory
	case "server":
		return checkServer
	case "key_prefix":
		return checkKeyPrefix
	case "node_name":
		return checkNodeName
	case "channel_names":
		return checkChannelNames
	case "channel_part":
		return checkChannelPart
	case "token_name":
		return checkTokenName
	case "token_hash":
		return checkTokenHash
	case "id", "key":
		return checkName
	case "origin":
		return func(s string) error { _, err := apps.ParseOriginPattern(s); return err }
	case "url":
		return checkURL
	case "collector":
		return checkCollector
	case "encryption_key":
		return checkEncryptionKey
	case "pattern":
		return checkPattern
	}
	return nil
}

// CheckID returns an error that says what is wrong with the id of an app, or
// nil.
func CheckID(s string) error {
	if s == "" {
		return errors.New("is missing; write the app's name in API paths, such as chat")
	}
	return checkName(s)
}

func checkAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		switch _, numeric := strconv.Atoi(s); {
		case numeric == nil && validPort(s, 0):
			return fmt.Errorf("%q lacks the colon of an address; write \":%s\"", s, s)
		case strings.Count(s, ":") > 1:
			return fmt.Errorf("%q is not host:port; an IPv6 address goes in brackets, such as \"[::1]:6001\"", s)
		}
		return fmt.Errorf("%q is not host:port; write for example \":6001\" or \"127.0.0.1:6001\"", s)
	}
	if !validPort(port, 0) {
		return fmt.Errorf("%q has no port between 0 and 65535; write for example \":6001\"", s)
	}
	if host == "*" {
		return fmt.Errorf("%q: leave the host out for every interface; write \":%s\"", s, port)
	}
	if host != "" && !validHost(host) {
		return fmt.Errorf("%q has no host name or address before the port; leave out http:// and any path", s)
	}
	return nil
}

// validPort reports whether s is a port of at least least, in plain digits.
func validPort(s string, least int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= least && n <= 65535 && strconv.Itoa(n) == s
}

// validHost reports whether s is an address or a host name (RFC 1123, and _ as
// container networks have it). A name whose last label is a number must be an
// IPv4 address.
func validHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	_, err := strconv.Atoi(labels[len(labels)-1])
	return err != nil && len(s) <= 253
}

func checkPathPrefix(s string) error {
	if s == "" {
		return nil
	}
	unescaped := func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("?#%", c) }
	if !strings.HasPrefix(s, "/") || path.Clean(s) != s || s == "/" || strings.ContainsFunc(s, unescaped) {
		return fmt.Errorf("%q is not a path prefix; begin it with a slash and end it without one, such as /rt", s)
	}
	if s == "/app" || s == "/apps" {
		return fmt.Errorf("%q is a path of fanfare itself; choose another, such as /rt", s)
	}
	return nil
}

// checkHostName accepts host names that pusher-js can put before the port in a
// URL.
func checkHostName(s string) error {
	if s == "" {
		return nil
	}
	if !validHost(s) || strings.Contains(s, ":") || strings.ContainsFunc(s, func(c rune) bool { return c > '~' }) {
		return fmt.Errorf("%q is not a bare host name; leave out http:// and the port, such as node1.example.com", s)
	}
	return nil
}

// parseNetwork reads an address or a network. IPv4 in its IPv6 form becomes
// plain IPv4, the form in which the addresses of peers are compared.
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

// checkName accepts ids and keys that need no escape in paths, in query strings
// and in the form "key:signature" of authentication.
func checkName(s string) error {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.~", c) {
			return fmt.Errorf("%q contains %q; use letters, digits, - _ . ~", s, c)
		}
	}
	if s == "." || s == ".." {
		return fmt.Errorf("%q has a special meaning in paths; use letters and digits", s)
	}
	return nil
}

// checkURL never repeats the address, which may hold a password or a token.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil && strings.Contains(err.Error(), "invalid port"):
		return errors.New("has a port that is not a number; write for example https://example.com:8443/hooks")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "":
		return errors.New("is not an http or https address; write for example https://example.com/hooks")
	case !validHost(u.Hostname()):
		return errors.New("has no host name or address; write for example https://example.com/hooks")
	case u.Port() != "" && !validPort(u.Port(), 1):
		return errors.New("has no port between 1 and 65535; write for example https://example.com:8443/hooks")
	case strings.HasSuffix(u.Host, ":"):
		return errors.New("has a colon but no port after its host; write for example https://example.com:8443/hooks")
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		return errors.New("has a # part, which no server receives; leave it out")
	}
	return nil
}

// checkCollector never repeats the address, which may hold a token.
func checkCollector(s string) error {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return nil
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !validHost(u.Hostname()) || u.Port() != "" && !validPort(u.Port(), 1):
		return errors.New("is not an http or https address; write for example http://127.0.0.1:4318")
	case u.User != nil:
		return errors.New("has a name or password, which are not sent; write them into tracing.headers as Authorization")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("has a query or a # part, which are not sent; leave them out")
	}
	return nil
}

// checkChannelPart checks that the beginning or end of a channel's name has only
// characters that names can have.
func checkChannelPart(s string) error {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-=@,.;", c) {
			return fmt.Errorf("%q contains %q, which channel names cannot contain; use letters, digits and _ - = @ , . ;", s, c)
		}
	}
	return nil
}

func checkPattern(s string) error {
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf("%q is not a regular expression (%s); write for example ^presence-room-[0-9]+$", s, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return nil
}

// leastMemory is about the memory of a server without connections, in bytes.
const leastMemory = 16 << 20

func checkMemory(s string) error {
	n, err := parseSize(s)
	if err == nil && s != "" && n < leastMemory {
		err = fmt.Errorf("%s is less than the server itself needs; the minimum is 16MiB", s)
	}
	return err
}
