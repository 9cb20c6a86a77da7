package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"fanfare/config"
)

// endpoint is where this machine reaches a server that listens as configured.
type endpoint struct {
	host, port string
	tls        bool
	prefix     string
	dial       []string       // addresses to try in turn, whatever the host is
	proxies    []netip.Prefix // whose connections have to begin with a PROXY header
	socket     bool           // dial has the path of a Unix socket
}

// reach derives the endpoint from the configuration. listen is the address in
// use, which differs from the configured one for port 0. No name is resolved:
// an image may be without /etc/hosts, and a wildcard listener may be without
// IPv4.
func reach(cfg *config.Config, listen string) endpoint {
	if path, unix := config.UnixSocket(listen); unix {
		e := endpoint{host: "localhost", tls: cfg.TLS.Enabled(), prefix: cfg.PathPrefix, dial: []string{path}, socket: true}
		if cfg.HTTP.ProxyProtocol == "required" {
			e.proxies = []netip.Prefix{{}} // whoever connects there is one
		}
		return e
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		host, port = listen, ""
	}
	e := endpoint{host: host, port: port, tls: cfg.TLS.Enabled(), prefix: cfg.PathPrefix}
	if cfg.HTTP.ProxyProtocol == "required" {
		e.proxies = cfg.TrustedPrefixes()
	}
	switch ip, _ := netip.ParseAddr(host); {
	case host == "" || ip.IsUnspecified() || host == "localhost":
		e.host = "localhost"
		e.dial = []string{"127.0.0.1", "::1"}
		if ip.Is6() {
			e.dial = []string{"::1", "127.0.0.1"}
		}
	default:
		e.dial = []string{host}
	}
	for i, host := range e.dial {
		e.dial[i] = net.JoinHostPort(host, port)
	}
	return e
}

// named is the endpoint under a host that its certificate is for: by another
// name no client would connect.
func (e endpoint) named(cert *tls.Certificate) endpoint {
	if cert == nil || cert.Leaf == nil || cert.Leaf.VerifyHostname(e.host) == nil {
		return e
	}
	for _, name := range cert.Leaf.DNSNames {
		if !strings.HasPrefix(name, "*") {
			e.host = name
			break
		}
	}
	return e
}

// named is the endpoint under a host that the server has, or will have, a
// certificate for.
func (s *server) named(at endpoint) endpoint {
	if cert := s.certificate.Load(); cert != nil || s.acme == nil {
		return at.named(cert)
	}
	at.host = s.cfg.TLS.ACME.Domains[0]
	return at
}

// base is the URL that paths are appended to, without a slash behind.
func (e endpoint) base() string {
	scheme := "http"
	if e.tls {
		scheme = "https"
	}
	if e.socket {
		return scheme + "://" + e.host
	}
	return scheme + "://" + net.JoinHostPort(e.host, e.port)
}

// given is the endpoint of a URL from the command line, or e if there is none.
func (e endpoint) given(raw string) (peer, error) {
	if raw == "" {
		if e.port == "0" {
			return peer{}, mistake("listen uses a free port (0): give the address of the server with --url")
		}
		return peer{base: e.base(), dial: e.dial, socket: e.socket, proxies: e.proxies}, nil
	}
	u, err := url.Parse(raw)
	switch {
	case err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https"):
	case !strings.Contains(raw, "://") && checkHost(raw) == nil:
		return peer{}, mistake("--url %s has no scheme; write http://%[1]s", raw)
	default: // not repeated: it may hold a password
		return peer{}, mistake("--url is not an http or https address; write for example http://localhost:6001")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return peer{}, mistake("--url has more than scheme, host, port and path; write for example http://localhost:6001")
	}
	return peer{base: strings.TrimSuffix(u.String(), "/")}, nil
}

// checkHost reports whether the text would do behind http://.
func checkHost(raw string) error {
	u, err := url.Parse("http://" + raw)
	if err != nil {
		return err
	}
	if u.Host == "" || u.RawQuery != "" || u.User != nil {
		return errors.New("no host")
	}
	return nil
}

// peer is a server that a command calls.
type peer struct {
	base    string         // scheme, host and path, without a slash behind
	dial    []string       // in place of the address in base, if any
	socket  bool           // dial has the path of a Unix socket
	proxies []netip.Prefix // as which we may have to begin with a PROXY header
	trust   *tls.Config    // whose certificates are believed; nil for the system's
}

// do sends one request on a connection of its own. It follows no redirect:
// what is behind one is not the server that was meant. The error names no URL,
// since its query may be a signature.
func (p peer) do(req *http.Request) (*http.Response, error) {
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: p.trust, DialContext: p.dialer()},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, errors.New(notReached(err))
	}
	return res, nil
}

// dialer opens a connection to the first address that answers; nil if there
// are none to try in place of the one in base.
func (p peer) dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	if len(p.dial) == 0 {
		return nil
	}
	return func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
		var d net.Dialer
		var failed error
		if p.socket {
			network = "unix"
		}
		for _, address := range p.dial {
			if conn, err = d.DialContext(ctx, network, address); err == nil {
				return p.begin(conn)
			}
			failed = errors.Join(failed, err)
		}
		return nil, failed
	}
}

// begin begins a connection as the server wants it of this machine: with a PROXY
// header that says that we speak for ourselves.
func (p peer) begin(conn net.Conn) (net.Conn, error) {
	local, _ := netip.ParseAddrPort(conn.LocalAddr().String())
	covers := func(n netip.Prefix) bool { return n.Contains(local.Addr().Unmap()) }
	if len(p.proxies) == 0 || !p.socket && !slices.ContainsFunc(p.proxies, covers) {
		return conn, nil
	}
	if _, err := io.WriteString(conn, "PROXY UNKNOWN\r\n"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// notReached says why a connection failed. The error may repeat what the server
// sent.
func notReached(err error) string {
	text := shown(withoutURL(err).Error())
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		text += "; --ca names a file with certificates to believe"
	}
	return text
}

// withoutURL is an error of net/http or net/url less the address that it
// repeats.
func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
