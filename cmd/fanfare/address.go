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

// endpoint is the address at which a client on this machine reaches a server.
type endpoint struct {
	host, port string
	tls        bool
	prefix     string
	dial       []string       // addresses to try in turn, instead of host and port
	proxies    []netip.Prefix // clients in these have to begin with a PROXY header
	socket     bool           // dial holds the path of a Unix socket
}

// reach derives the endpoint from the configuration. listen is the address in
// use, which differs from the configured one for port 0. No name is resolved,
// since a container image may have no /etc/hosts. A wildcard address is tried
// over IPv4 and IPv6.
func reach(cfg *config.Config, listen string) endpoint {
	if path, unix := config.UnixSocket(listen); unix {
		e := endpoint{host: "localhost", tls: cfg.TLS.Enabled(), prefix: cfg.PathPrefix, dial: []string{path}, socket: true}
		if cfg.HTTP.ProxyProtocol == "required" {
			e.proxies = []netip.Prefix{{}} // every client of a Unix socket counts as a proxy
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

// named returns the endpoint with a host that the certificate is valid for: a
// client would refuse the certificate for another host.
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

// named returns the endpoint with a host that the server has a certificate for,
// or will get one for (ACME).
func (s *server) named(at endpoint) endpoint {
	if cert := s.certificate.Load(); cert != nil || s.acme == nil {
		return at.named(cert)
	}
	at.host = s.cfg.TLS.ACME.Domains[0]
	return at
}

// base returns the URL that paths are appended to, without a slash at its end.
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

// given returns the server at a URL from the command line, or at e if raw is "".
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
		return peer{}, mistake("--url has parts besides scheme, host, port and path; write for example http://localhost:6001")
	}
	return peer{base: strings.TrimSuffix(u.String(), "/")}, nil
}

// checkHost reports whether http:// before the text makes it a URL.
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
	base    string         // scheme, host and path, without a slash at its end
	dial    []string       // addresses to connect to instead of that in base, if any
	socket  bool           // dial holds the path of a Unix socket
	proxies []netip.Prefix // if our address is in these, we begin with a PROXY header
	trust   *tls.Config    // CA certificates to trust; nil for the system's
}

// do sends one request on a connection of its own. It follows no redirect, since
// that may lead to another server. The error contains no URL, since its query
// may contain a signature.
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

// dialer returns a function that connects to the first address of dial that
// answers; nil if dial is empty, so that the address in base is used.
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

// begin sends a PROXY header if the server requires one from this machine. UNKNOWN
// says that the connection is our own and not forwarded.
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

// notReached returns why a connection failed, safe to print: the error may quote
// what the server sent.
func notReached(err error) string {
	text := shown(withoutURL(err).Error())
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		text += "; give a file with the CA certificates to trust with --ca"
	}
	return text
}

// withoutURL returns an error of net/http or net/url without the URL in its
// text.
func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
