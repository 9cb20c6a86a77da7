package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fanfare/config"
)

func TestClientTLS(t *testing.T) {
	if got, err := clientTLS(config.RedisTLS{ServerName: "r.example"}); got != nil || err != nil {
		t.Errorf("TLS that is off: %v, %v", got, err)
	}
	dir := t.TempDir()
	notPEM := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(notPEM, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := clientTLS(config.RedisTLS{Enabled: true, ServerName: "r.example"})
	if err != nil || got.ServerName != "r.example" || got.RootCAs != nil || got.InsecureSkipVerify {
		t.Errorf("got %+v, %v", got, err)
	}
	for words, c := range map[string]config.RedisTLS{
		"ca_file: open":                          {Enabled: true, CAFile: filepath.Join(dir, "none.pem")},
		"ca_file: holds no certificate":          {Enabled: true, CAFile: notPEM},
		"cluster.redis.tls.cert_file and key_fi": {Enabled: true, CertFile: notPEM, KeyFile: notPEM},
	} {
		if _, err := clientTLS(c); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %s", err, words)
		}
	}
}
