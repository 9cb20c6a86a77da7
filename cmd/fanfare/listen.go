package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"

	"fanfare/config"
	"fanfare/sockets"
)

// listen opens the listener of clients and the API. The certificate is that of
// the moment of each handshake. PROXY headers, nil if there are none, come before
// that.
func listen(cfg *config.Config, cert *atomic.Pointer[tls.Certificate], headers *sockets.ProxyHeaders) (net.Listener, error) {
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, notFree(err, "listen", "--listen")
	}
	if cert.Load() == nil {
		return l, nil
	}
	return tls.NewListener(sockets.WithProxyHeaders(l, headers), &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert.Load(), nil },
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"}, // a WebSocket upgrade does not exist in HTTP/2
	}), nil
}

// notFree names the key of an address that cannot be listened on, and the way
// out if somebody else has it.
func notFree(err error, key, flag string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %w; choose another with %s", key, err, flag)
	}
	return fmt.Errorf("%s: %w", key, err)
}

// certificate reads the configured certificate; nil if there is none.
func certificate(cfg *config.Config) (*tls.Certificate, error) {
	if cfg.TLS.CertFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(cfg.TLS.CertFile, cfg.TLS.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("tls.cert_file and tls.key_file: %w", err)
	}
	return &cert, nil
}
