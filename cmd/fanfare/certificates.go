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

// use has new connections get a certificate, and says what has changed; "" if it
// is the one that they get already.
func (s *server) use(cert *tls.Certificate) (changed string) {
	if before := s.certificate.Swap(cert); before != nil && before.Leaf.Equal(cert.Leaf) {
		return ""
	}
	return "tls: another certificate, valid until " + cert.Leaf.NotAfter.UTC().Format(time.DateOnly)
}

// certificateExpires is when the certificate in use does; the zero Time without
// one.
func (s *server) certificateExpires() time.Time {
	if cert := s.certificate.Load(); cert != nil {
		return cert.Leaf.NotAfter
	}
	return time.Time{}
}

// certificateLook is how often the files are looked at.
const certificateLook = 10 * time.Second

// certificateWatch has a certificate count soon after its files have changed,
// without a reload. It polls the files, because programs that renew
// certificates replace files, links to them, or folders.
type certificateWatch struct {
	server *server
	log    *slog.Logger
	seen   [2]os.FileInfo // as the files were when they were read last
	failed bool           // they could not be used at the last look
}

// run looks until ctx is done.
func (w *certificateWatch) run(ctx context.Context) {
	if w.server.started.TLS.CertFile == "" { // a reload gives none to a server without
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

// look reads the files if they have changed. What cannot be used is tried again
// at each look, and told from the second on: at the first, one file may be there
// without the other.
func (w *certificateWatch) look() {
	s := w.server
	s.reloading.Lock()
	defer s.reloading.Unlock()
	files := [2]string{s.cfg.TLS.CertFile, s.cfg.TLS.KeyFile}
	if files[0] == "" { // the next start is without
		return
	}
	var now [2]os.FileInfo
	for i, name := range files {
		now[i], _ = os.Stat(name) // certificate says what is wrong with it
	}
	if !w.failed && sameFile(now[0], w.seen[0]) && sameFile(now[1], w.seen[1]) {
		return
	}
	cert, err := certificate(s.cfg)
	if err != nil {
		if w.failed {
			w.log.Warn("the certificate's files have changed and cannot be used; the certificate stays", slog.String("reason", err.Error()))
		}
		w.failed = true
		return
	}
	w.seen, w.failed = now, false
	if changed := s.use(cert); changed != "" {
		w.log.Info("the certificate's files have changed and were read", slog.String("changed", changed))
	}
}

// sameFile reports whether a file was neither replaced nor written.
func sameFile(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
