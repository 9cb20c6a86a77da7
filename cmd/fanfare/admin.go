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

// admin is the admin API with its listener open. A nil one is off.
type admin struct {
	api      *adminapi.Server
	http     *http.Server
	listener net.Listener
	plain    net.Listener // below it: the descriptor that is listened on
	over     string       // http or https

	certificate atomic.Pointer[tls.Certificate] // that of admin.tls
}

// What is kept of the deliveries of webhooks while the admin API is on.
const (
	keptOfEndpoint = 50
	keptBodies     = 8 << 20
)

// keptDeliveries is nothing while there is nobody to look.
func keptDeliveries(cfg *config.Config) webhooks.Recent {
	if cfg.Admin.Listen == "" {
		return webhooks.Recent{}
	}
	return webhooks.Recent{Deliveries: keptOfEndpoint, FailedBytes: keptBodies}
}

// openAdmin listens as configured, or on the listener that was passed.
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

// adminTLS is nil without TLS.
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

// adminCertificate reads that of admin.tls; nil without one.
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
		if err != nil || len(hash) != 32 || !ok { // which the configuration refuses
			continue
		}
		list = append(list, adminapi.Token{Name: t.Name, Hash: [32]byte(hash), Role: role})
	}
	return list
}

// parts are what runs beside the other parts of the server, until ctx is done
// and close is called.
func (a *admin) parts(ctx context.Context) []func() error {
	if a == nil {
		return nil
	}
	return []func() error{
		func() error { return a.api.Run(ctx) },
		func() error { return a.http.Serve(a.listener) },
	}
}

// update takes over what can change while the server runs. The listener stays
// that of the start, with its certificate or without; the files of cert, which
// is nil if there is none to take over, were read again.
func (a *admin) update(started, cfg *config.Config, cert *tls.Certificate) {
	if a == nil {
		return
	}
	a.api.SetTokens(adminTokens(cfg), adminIsOpen(started, cfg))
	if cert != nil && a.certificate.Load() != nil {
		a.certificate.Store(cert)
	}
}

// adminIsOpen reports whether everybody may call while there are no tokens: only
// this machine reaches the listener that there is, and the configuration says so
// of the same address. What is written for another one, or to turn the API off,
// does not open this one until the restart.
func adminIsOpen(started, cfg *config.Config) bool {
	return started.Admin.Listen == cfg.Admin.Listen && started.AdminOnLoopback() && !started.Admin.BehindProxy && !cfg.Admin.BehindProxy
}

// greet tells a person where it is.
func (a *admin) greet(out io.Writer) {
	if a != nil {
		_, _ = fmt.Fprintf(out, "The console is on %s, the admin API below %[1]s/api/v1\n\n", a.url()) // the server runs without this line too
	}
}

// url is the address of the console.
func (a *admin) url() string { return a.over + "://" + a.listener.Addr().String() }

// leave accepts no more: another process does, which has the listener too.
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

// abandon gives the listener back, of one that never ran.
func (a *admin) abandon() {
	if a != nil {
		_ = a.listener.Close()
	}
}

// unavailable is the answer while a part of the server cannot give one.
func unavailable(err error) error {
	return &adminapi.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Text: err.Error()}
}

var errNoLog = errors.New("the log of this server cannot be followed")
