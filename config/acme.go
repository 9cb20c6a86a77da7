package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// Enabled reports whether clients are served over TLS.
func (t TLS) Enabled() bool { return t.CertFile != "" || t.ACME.Enabled() }

// Enabled reports whether a certificate is obtained.
func (a ACME) Enabled() bool { return len(a.Domains) > 0 }

// isSet reports whether anything but domains is set.
func (a ACME) isSet() bool {
	a.Domains = Defaults().TLS.ACME.Domains
	return !reflect.DeepEqual(a, Defaults().TLS.ACME)
}

// Key decodes EABKey, which is valid after Load.
func (a ACME) Key() []byte {
	key, _ := decodeEABKey(a.EABKey)
	return key
}

func decodeEABKey(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

func checkDomain(s string) error {
	switch _, err := netip.ParseAddr(s); {
	case strings.HasPrefix(s, "*."):
		return fmt.Errorf("%q: a wildcard certificate needs the DNS-01 challenge, which fanfare does not support; list the names, or obtain the certificate with another program and set tls.cert_file", s)
	case err == nil:
		return fmt.Errorf("%q is an IP address; write a host name, such as ws.example.com", s)
	case !validHost(s) || strings.ContainsFunc(s, func(c rune) bool { return c > '~' || c == '_' }):
		return fmt.Errorf("%q is not a host name; leave out https:// and the port, and write other letters than a to z in their xn-- form, such as ws.example.com", s)
	case s != strings.ToLower(s):
		return fmt.Errorf("%q has capitals; write %q", s, strings.ToLower(s))
	case !strings.Contains(s, "."):
		return fmt.Errorf("%q is not a public host name; write the full name, such as ws.example.com", s)
	}
	return nil
}

func checkEmail(s string) error {
	name, host, ok := strings.Cut(s, "@")
	if s != "" && (!ok || name == "" || !validHost(host) || strings.ContainsAny(name, " ,:<>")) {
		return fmt.Errorf("%q is not an e-mail address; write for example admin@example.com", s)
	}
	return nil
}

func checkDirectory(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || !validHost(u.Hostname()) || u.User != nil {
		return errors.New("is not an https address; write for example https://acme-v02.api.letsencrypt.org/directory")
	}
	return nil
}

// checkACME checks the keys of tls.acme, if it is on.
func checkACME(c *Config, r *report) {
	a := c.TLS.ACME
	if !a.Enabled() {
		return
	}
	if c.TLS.CertFile != "" || c.TLS.KeyFile != "" {
		r.add("tls.acme.domains", "cannot be combined with tls.cert_file and tls.key_file; remove one or the other")
	}
	if !a.AcceptTerms {
		r.add("tls.acme.accept_terms", "is false; read the authority's terms (https://letsencrypt.org/repository/ for Let's Encrypt) and write true")
	}
	if a.Storage == "" {
		r.add("tls.acme.storage", "is missing; name a folder that is kept across restarts, such as /var/lib/fanfare/acme")
	}
	for i, name := range a.Domains {
		if slices.Index(a.Domains, name) < i {
			r.add(fmt.Sprintf("tls.acme.domains.%d", i), fmt.Sprintf("%q is listed twice; keep one", name))
		}
	}
	if (a.EABKeyID == "") != (a.EABKey == "") {
		missing := map[bool]string{true: "eab_key_id", false: "eab_key"}[a.EABKeyID == ""]
		r.add("tls.acme."+missing, "is missing; set tls.acme.eab_key_id and tls.acme.eab_key together")
	} else if _, err := decodeEABKey(a.EABKey); err != nil {
		r.add("tls.acme.eab_key", "is not base64url; copy it as the authority shows it")
	}
	if _, unix := UnixSocket(c.Listen); unix && a.HTTPListen == "" {
		r.add("tls.acme.domains", "need TLS-ALPN-01 at listen, which is a Unix socket; let the proxy in front obtain the certificate, or set tls.acme.http_listen")
	}
	for _, other := range []struct{ key, address string }{{"listen", c.Listen}, {"metrics.listen", c.Metrics.Listen}} {
		if sameAddress(a.HTTPListen, other.address) {
			r.add("tls.acme.http_listen", fmt.Sprintf("%q is also the address of %s; give challenges one of their own, such as \":80\"", a.HTTPListen, other.key))
		}
	}
}
