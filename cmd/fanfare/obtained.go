package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"fanfare/config"
	"fanfare/internal/acme"
)

// obtained keeps the certificate from an ACME server.
type obtained struct {
	*acme.Keeper
	listener net.Listener // for HTTP-01; nil for TLS-ALPN-01
	log      *slog.Logger
}

// obtain prepares to get a certificate by ACME; nil if that is not configured.
// passed is the listener for HTTP-01 if it is open already.
func (s *server) obtain(cfg *config.Config, passed net.Listener, logger *slog.Logger) (*obtained, error) {
	a := cfg.TLS.ACME
	if !a.Enabled() {
		return nil, nil
	}
	keeper, err := acme.New(acme.Config{
		Domains: a.Domains, Email: a.Email, Directory: a.Directory, CAFile: a.CAFile, Storage: a.Storage, HTTP: a.HTTPListen != "",
		EABKeyID: a.EABKeyID, EABKey: a.Key(), UserAgent: "fanfare/" + version,
		Use: func(cert *tls.Certificate) { s.use(cert) }, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	o := &obtained{Keeper: keeper, listener: passed, log: logger}
	if a.HTTPListen != "" && passed == nil {
		if o.listener, err = net.Listen("tcp", a.HTTPListen); err != nil {
			return nil, notFree(err, "tls.acme.http_listen", "tls.acme.http_listen")
		}
	}
	return o, nil
}

// mostChallenges is the maximum number of connections for challenges. An ACME
// server opens only a few.
const mostChallenges = 64

// run obtains and renews the certificate until ctx is done.
func (o *obtained) run(ctx context.Context) {
	if o == nil {
		return
	}
	if o.listener == nil {
		o.Keeper.Run(ctx)
		return
	}
	server := &http.Server{
		Handler:           o.Keeper,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      5 * time.Second,
		IdleTimeout:       5 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(o.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(&few{Listener: o.listener, most: mostChallenges}) }()
	o.Keeper.Run(ctx)
	_ = server.Close()
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		o.log.Error("challenges were no longer answered at tls.acme.http_listen", slog.Any("error", err))
	}
}

// close closes the listener of an obtained that never ran.
func (o *obtained) close() {
	if o != nil && o.listener != nil {
		_ = o.listener.Close()
	}
}

// errNoCertificate is the error of handshakes before the first certificate was
// obtained.
var errNoCertificate = errors.New("no certificate has been obtained yet")

// tlsConfig returns the TLS configuration for clients. Each handshake gets the
// certificate that is in use at that moment.
func (s *server) tlsConfig() *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"}, // a WebSocket upgrade does not exist in HTTP/2
	}
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if s.acme != nil {
			if cert, handled, err := s.acme.Challenge(hello); handled {
				return cert, err
			}
		}
		if cert := s.certificate.Load(); cert != nil {
			return cert, nil
		}
		return nil, errNoCertificate
	}
	if s.acme != nil {
		c.NextProtos = append(c.NextProtos, s.acme.Protocols()...)
	}
	return c
}
