package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fanfare/cluster"
	"fanfare/config"
)

// farEngine is an engine that reaches nothing but the table of the living, which
// takes its time, or does not answer at all.
type farEngine struct {
	cluster.Engine
	peer *cluster.Peer
	late time.Duration // 0 is never

	trouble string
}

func (e *farEngine) Trouble() string { return e.trouble }

func (e *farEngine) Beat(cluster.Beat) { e.answer() }
func (e *farEngine) Mark(cluster.Mark) { e.answer() }

func (e *farEngine) answer() {
	if e.late > 0 {
		time.AfterFunc(e.late, func() { e.peer.Beats(nil, true) })
	}
}

// A goodbye has its own time, whatever the drain before it took.
func TestBye_IsWaitedFor_ButNotForLong(t *testing.T) {
	for late, want := range map[time.Duration]time.Duration{byePatience / 2: byePatience / 2, 0: byePatience} {
		synctest.Test(t, func(t *testing.T) {
			e := &farEngine{late: late}
			e.peer = cluster.NewPeer(nil, cluster.Config{}, e)
			begun := time.Now()
			(&membership{peer: e.peer}).bye()
			if took := time.Since(begun); took != want {
				t.Errorf("answered after %s: it took %s", late, took)
			}
		})
	}
}

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
		"ca_file: open": {Enabled: true, CAFile: filepath.Join(dir, "none.pem")},
		"ca_file: the file contains no PEM certificate": {Enabled: true, CAFile: notPEM},
		"cluster.redis.tls.cert_file and key_fi":        {Enabled: true, CertFile: notPEM, KeyFile: notPEM},
	} {
		if _, err := clientTLS(c); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %s", err, words)
		}
	}
}
