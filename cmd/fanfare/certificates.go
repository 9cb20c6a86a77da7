package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"time"

	"fanfare/config"
)

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

// use sets the certificate for new connections. It returns what has changed, for
// the log; "" if the certificate is the one in use.
func (s *server) use(cert *tls.Certificate) (changed string) {
	if before := s.certificate.Swap(cert); before != nil && before.Leaf.Equal(cert.Leaf) {
		return ""
	}
	return "tls: new certificate, valid until " + cert.Leaf.NotAfter.UTC().Format(time.DateOnly)
}

// certificateExpires returns when the certificate in use expires; the zero Time
// without one.
func (s *server) certificateExpires() time.Time {
	if cert := s.certificate.Load(); cert != nil {
		return cert.Leaf.NotAfter
	}
	return time.Time{}
}

// certificateLook is how often the files are checked for changes.
const certificateLook = 10 * time.Second

// certificateWatch loads the certificate again after its files have changed,
// without a reload. It polls them, since programs that renew certificates may
// replace the files, links to them, or their folder.
type certificateWatch struct {
	server *server
	log    *slog.Logger
	seen   [2]os.FileInfo // the files when they were last read
	failed bool           // they could not be used at the last check
}

// run checks the files until ctx is done.
func (w *certificateWatch) run(ctx context.Context) {
	if w.server.started.TLS.CertFile == "" { // a reload cannot turn TLS on
		return
	}
	ticker := time.NewTicker(certificateLook)
	defer ticker.Stop()
	for {
		w.look()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look reads the files if they have changed. Files that cannot be used are tried
// again at each check. The first failure is not logged: one of the two files may
// not have been replaced yet.
func (w *certificateWatch) look() {
	s := w.server
	s.reloading.Lock()
	defer s.reloading.Unlock()
	files := [2]string{s.cfg.TLS.CertFile, s.cfg.TLS.KeyFile}
	if files[0] == "" { // removed by a reload, which applies at the next start
		return
	}
	var now [2]os.FileInfo
	for i, name := range files {
		now[i], _ = os.Stat(name) // certificate returns the error
	}
	if !w.failed && sameFile(now[0], w.seen[0]) && sameFile(now[1], w.seen[1]) {
		return
	}
	cert, err := certificate(s.cfg)
	if err != nil {
		if w.failed {
			w.log.Warn("the certificate's files have changed and cannot be used; the server keeps the certificate that it has", slog.String("reason", err.Error()))
		}
		w.failed = true
		return
	}
	w.seen, w.failed = now, false
	if changed := s.use(cert); changed != "" {
		w.log.Info("the certificate's files have changed, and the server has loaded them", slog.String("changed", changed))
	}
}

// sameFile reports whether a file was neither replaced nor written between a and b.
func sameFile(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
