package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"fanfare/config"
)

// behindProxy is a server on whose connections a PROXY header has to come first.
func behindProxy(t *testing.T, secure bool) *running {
	t.Helper()
	return startAndEnd(t, func(cfg *config.Config) {
		cfg.HTTP.TrustedProxies, cfg.HTTP.ProxyProtocol = []string{"127.0.0.1"}, "required"
		cfg.Sockets.ConnectionsPerAddress = 1
		if secure {
			dir := t.TempDir()
			cfg.TLS.CertFile, cfg.TLS.KeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
			writeCertificate(t, cfg.TLS.CertFile, cfg.TLS.KeyFile, "localhost")
		}
	})
}

// A proxy that passes TLS on says in front of it whose connection it is.
func TestProxyProtocol_InFrontOfTLS(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			r := behindProxy(t, secure)
			scheme := "ws"
			if secure {
				scheme = "wss"
			}
			greeting := func(client string) string {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				d := ws.Dialer{
					TLSConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a test's own server
					NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
						conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.listener.Addr().String())
						if err == nil {
							_, err = io.WriteString(conn, "PROXY TCP4 "+client+" 10.0.0.1 4711 443\r\n")
						}
						return conn, err
					},
				}
				conn, early, _, err := d.Dial(ctx, scheme+"://localhost/app/app-key?protocol=7")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close() })
				_ = conn.SetDeadline(time.Now().Add(patience))
				rest := io.Reader(conn)
				if early != nil {
					rest = io.MultiReader(early, conn)
				}
				text, err := wsutil.ReadServerText(struct {
					io.Reader
					io.Writer
				}{rest, conn})
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}
			for _, tt := range []struct{ client, want string }{
				{"192.0.2.7", "connection_established"},
				{"192.0.2.7", `"code":4100`},
				{"192.0.2.8", "connection_established"},
			} {
				if got := greeting(tt.client); !strings.Contains(got, tt.want) {
					t.Errorf("%s got %s, want %s", tt.client, got, tt.want)
				}
			}
		})
	}
}

// Commands of this machine, which is a proxy too, begin as the server wants.
func TestProxyProtocol_HealthCheck(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			r := behindProxy(t, secure)
			p, err := r.at.given("")
			if err != nil {
				t.Fatal(err)
			}
			if err := checkHealth(t.Context(), p); err != nil {
				t.Error(err)
			}
			p.proxies = nil
			if err := checkHealth(t.Context(), p); err == nil {
				t.Error("a connection without a header was served")
			}
		})
	}
}
