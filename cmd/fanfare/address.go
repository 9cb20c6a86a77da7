package main

import (
	"crypto/tls"
	"net"
	"strings"

	"fanfare/config"
)

// endpoint is where this machine reaches a server that listens as configured.
type endpoint struct {
	host, port string
	tls        bool
	prefix     string
}

// reach derives the endpoint from the configuration. listen is the address in
// use, which differs from the configured one for port 0.
func reach(cfg *config.Config, listen string) endpoint {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		host, port = listen, ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return endpoint{host: host, port: port, tls: cfg.TLS.CertFile != "", prefix: cfg.PathPrefix}
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

// base is the URL that paths are appended to, without a slash behind.
func (e endpoint) base() string {
	scheme := "http"
	if e.tls {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(e.host, e.port)
}

// baseOf takes a URL given by hand instead, if there is one.
func (e endpoint) baseOf(url string) string {
	if url == "" {
		return e.base()
	}
	return strings.TrimSuffix(url, "/")
}
