package main

import (
	"crypto/tls"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"fanfare/config"
)

// secured is a server with a certificate, and the files of that.
type secured struct {
	*running
	t         *testing.T
	cert, key string
}

func startSecured(t *testing.T, name string) *secured {
	t.Helper()
	dir := t.TempDir()
	s := &secured{t: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	writeCertificate(t, s.cert, s.key, name)
	s.running = startAndEnd(t, func(cfg *config.Config) { cfg.TLS.CertFile, cfg.TLS.KeyFile = s.cert, s.key })
	return s
}

// handshake opens a connection, and tells for whom its certificate is.
func (s *secured) handshake() (*tls.Conn, string) {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.listener.Addr().String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's own server
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn, conn.ConnectionState().PeerCertificates[0].DNSNames[0]
}

func (s *secured) wantCertificate(name string) {
	s.t.Helper()
	if _, got := s.handshake(); got != name {
		s.t.Errorf("new connections get the certificate for %s, want %s", got, name)
	}
}

// Files that change count without a reload, once both fit, and open sockets stay.
func TestCertificateWatch_FilesThatChange(t *testing.T) {
	s := startSecured(t, "first.example")
	conn, _ := s.handshake()
	if _, _, err := (ws.Dialer{}).Upgrade(conn, &url.URL{Scheme: "wss", Host: "localhost", Path: "/app/app-key", RawQuery: "protocol=7"}); err != nil {
		t.Fatal(err)
	}
	var log notes
	w := &certificateWatch{server: s.server, log: slog.New(slog.NewTextHandler(&log, nil))}
	w.look()
	s.wantCertificate("first.example")

	other := t.TempDir()
	writeCertificate(t, filepath.Join(other, "cert.pem"), filepath.Join(other, "key.pem"), "second.example")
	rename(t, filepath.Join(other, "cert.pem"), s.cert) // the key has not come yet
	w.look()
	s.wantCertificate("first.example")
	if strings.Contains(log.String(), "cannot be used") {
		t.Error("it is told at once that a file is there without the other")
	}
	w.look()
	if !strings.Contains(log.String(), "the certificate's files have changed and cannot be used") {
		t.Errorf("nothing is told of files that do not fit:\n%s", log.String())
	}
	rename(t, filepath.Join(other, "key.pem"), s.key)
	w.look()
	s.wantCertificate("second.example")

	// As Kubernetes does: a link to another folder.
	if err := os.Remove(s.cert); err != nil {
		t.Fatal(err)
	}
	w.look()
	s.wantCertificate("second.example")
	writeCertificate(t, filepath.Join(other, "cert.pem"), s.key, "third.example")
	if err := os.Symlink(filepath.Join(other, "cert.pem"), s.cert); err != nil {
		t.Fatal(err)
	}
	w.look()
	s.wantCertificate("third.example")
	if got := s.certificateExpires(); !got.Equal(s.certificate.Load().Leaf.NotAfter) {
		t.Errorf("it expires at %v", got)
	}

	// The socket of before has seen nothing of that.
	if err := wsutil.WriteClientText(conn, []byte(`{"event":"pusher:ping","data":{}}`)); err != nil {
		t.Fatal(err)
	}
	for text := ""; !strings.Contains(text, "pusher:pong"); {
		message, err := wsutil.ReadServerText(conn)
		if err != nil {
			t.Fatal(err)
		}
		text = string(message)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
