package main

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"fanfare/adminapi"
	"fanfare/config"
	"fanfare/console"
	"fanfare/webhooks"
)

// admin is the admin API with its open listener. A nil admin means that it is off.
type admin struct {
	api      *adminapi.Server
	http     *http.Server
	listener net.Listener
	plain    net.Listener // the TCP listener below TLS and the limit of connections
	over     string       // the scheme: http or https

	certificate atomic.Pointer[tls.Certificate] // the one of admin.tls
}

// How much is kept of webhook deliveries while the admin API is on: deliveries of
// each endpoint, and bytes of the bodies that failed.
const (
	keptOfEndpoint = 50
	keptBodies     = 8 << 20
)

// keptDeliveries returns how many deliveries to keep: none without an admin API,
// which alone shows them.
func keptDeliveries(cfg *config.Config) webhooks.Recent {
	if cfg.Admin.Listen == "" {
		return webhooks.Recent{}
	}
	return webhooks.Recent{Deliveries: keptOfEndpoint, FailedBytes: keptBodies}
}

// openAdmin listens as configured, or on the listener that the previous process
// passed on. It returns nil if the admin API is off.
func (s *server) openAdmin(cfg *config.Config, passed net.Listener) (*admin, error) {
	if cfg.Admin.Listen == "" {
		return nil, nil
	}
	a := &admin{over: "http"}
	secure, err := s.adminTLS(cfg, a)
	if err != nil {
		return nil, err
	}
	l := passed
	if l == nil {
		if l, err = net.Listen("tcp", cfg.Admin.Listen); err != nil {
			return nil, notFree(err, "admin.listen", "--admin-listen")
		}
	}
	a.plain, a.listener = l, &few{Listener: l, most: mostAdmins}
	if secure != nil {
		a.listener, a.over = tls.NewListener(a.listener, secure), "https"
	}
	view := adminView{s}
	a.api = adminapi.New(adminapi.Config{
		Tokens: adminTokens(cfg), Open: adminIsOpen(cfg, cfg), Node: view, Apps: adminApps{s, config.NewDocuments(cfg)}, Editor: s.editor(), Channels: adminChannels{s}, Sockets: adminSockets{s},
		Webhooks: adminWebhooks{s.hooks}, Log: adminLog{s}, Cluster: s.adminCluster(), Console: console.Handler(), Logger: s.log,
	})
	a.http = a.api.HTTPServer()
	return a, nil
}

// adminTLS returns the TLS configuration of the admin API; nil without TLS.
func (s *server) adminTLS(cfg *config.Config, a *admin) (*tls.Config, error) {
	cert, err := adminCertificate(cfg)
	switch {
	case err != nil:
		return nil, err
	case cert != nil:
		a.certificate.Store(cert)
		return &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return a.certificate.Load(), nil },
		}, nil
	case cfg.AdminOverTLS():
		return s.tlsConfig(), nil
	}
	return nil, nil
}

// adminCertificate reads the certificate of admin.tls; nil without one.
func adminCertificate(cfg *config.Config) (*tls.Certificate, error) {
	if cfg.Admin.Listen == "" || cfg.Admin.TLS.CertFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(cfg.Admin.TLS.CertFile, cfg.Admin.TLS.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("admin.tls.cert_file and admin.tls.key_file: %w", err)
	}
	return &cert, nil
}

func adminTokens(cfg *config.Config) []adminapi.Token {
	list := make([]adminapi.Token, 0, len(cfg.Admin.Tokens))
	for _, t := range cfg.Admin.Tokens {
		hash, err := hex.DecodeString(t.Hash)
		role, ok := adminapi.ParseRole(t.Role)
		if err != nil || len(hash) != 32 || !ok { // the configuration's check refuses these
			continue
		}
		list = append(list, adminapi.Token{Name: t.Name, Hash: [32]byte(hash), Role: role})
	}
	return list
}

// parts returns the functions that run the admin API. They return once ctx is done
// and close was called.
func (a *admin) parts(ctx context.Context) []func() error {
	if a == nil {
		return nil
	}
	return []func() error{
		func() error { return a.api.Run(ctx) },
		func() error { return a.http.Serve(a.listener) },
	}
}

// update applies what a reload can change: the tokens and, if cert is not nil, the
// certificate. The listener, and whether it uses TLS, stay as at the start.
func (a *admin) update(started, cfg *config.Config, cert *tls.Certificate) {
	if a == nil {
		return
	}
	a.api.SetTokens(adminTokens(cfg), adminIsOpen(started, cfg))
	if cert != nil && a.certificate.Load() != nil {
		a.certificate.Store(cert)
	}
}

// adminIsOpen reports whether calls need no token while none is configured. That
// requires a listener that only this machine reaches and no proxy before it
// (admin.behind_proxy). It is false once a reload has changed admin.listen, which
// takes effect only at a restart.
func adminIsOpen(started, cfg *config.Config) bool {
	return started.Admin.Listen == cfg.Admin.Listen && started.AdminOnLoopback() && !started.Admin.BehindProxy && !cfg.Admin.BehindProxy
}

// greet prints the addresses of the console and the admin API.
func (a *admin) greet(out io.Writer) {
	if a != nil {
		_, _ = fmt.Fprintf(out, "The console is on %s, the admin API is below %[1]s/api/v1\n\n", a.url()) // the server runs without this line too
	}
}

// url is the address of the console.
func (a *admin) url() string { return a.over + "://" + a.listener.Addr().String() }

// leave accepts no more connections. The new process, which has the same
// listener, accepts them.
func (a *admin) leave(ctx context.Context) {
	if a != nil {
		_ = a.http.Shutdown(ctx)
	}
}

func (a *admin) close() error {
	if a == nil {
		return nil
	}
	return a.http.Close()
}

// abandon closes the listener of an admin API that never ran.
func (a *admin) abandon() {
	if a != nil {
		_ = a.listener.Close()
	}
}

// unavailable makes the error (503) for a part of the server that cannot answer.
func unavailable(err error) error {
	return &adminapi.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Text: err.Error()}
}

var errNoLog = errors.New("the log of this server cannot be followed")
