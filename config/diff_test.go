package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load(write(t, text), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDiff_NamesEveryKeyThatDiffers(t *testing.T) {
	const app = "apps:\n  - {id: chat, key: chat-key, secret: s3cret"
	for _, tt := range []struct {
		name, old, next string
		want            []Change
	}{
		{"nothing", minimal, minimal, nil},
		{"defaults written out", minimal, "listen: ':6001'\nhttp: {trusted_proxies: []}\n" + minimal, nil},
		{"addresses", minimal, "listen: ':7001'\nmetrics: {listen: ''}\n" + minimal, []Change{
			{Key: "listen", Old: `":6001"`, New: `":7001"`, Restart: true},
			{Key: "metrics.listen", Old: `":9601"`, New: `""`, Restart: true},
		}},
		{"live", minimal, "log: {level: debug, format: pretty}\nshutdown: {spread: 1s}\nhttp: {trusted_proxies: [10.0.0.0/8]}\n" + minimal, []Change{
			{Key: "log.level", Old: "info", New: "debug"},
			{Key: "log.format", Old: "text", New: "pretty"},
			{Key: "http.trusted_proxies", Old: "[]", New: `["10.0.0.0/8"]`},
			{Key: "shutdown.spread", Old: "5s", New: "1s"},
		}},
		{"TLS begins", minimal, "tls: {cert_file: a.pem, key_file: b.pem}\n" + minimal, []Change{
			{Key: "tls.cert_file", Old: `""`, New: "a.pem", Restart: true},
			{Key: "tls.key_file", Old: `""`, New: "b.pem", Restart: true},
		}},
		{"another certificate", "tls: {cert_file: a.pem, key_file: b.pem}\n" + minimal, "tls: {cert_file: c.pem, key_file: b.pem}\n" + minimal, []Change{
			{Key: "tls.cert_file", Old: "a.pem", New: "c.pem"},
		}},
		{"an app", app + "}\n", app + ", enabled: false, limits: {max_connections: 5}}\n", []Change{
			{App: "chat", Key: "enabled", Old: "true", New: "false"},
			{App: "chat", Key: "limits.max_connections", Old: "0", New: "5"},
		}},
		{"webhooks", app + "}\n", app + ", webhooks: [{url: 'https://u:hunter2@a.example/'}]}\n", []Change{
			{App: "chat", Key: "webhooks"},
		}},
		{"apps in another order", minimal + "  - {id: b, key: bk, secret: x}\n", "apps:\n  - {id: b, key: bk, secret: x}\n  - {id: chat, key: chat-key, secret: s3cret}\n", nil},
		{"apps come and go", minimal + "  - {id: b, key: bk, secret: x}\n", minimal + "  - {id: c, key: ck, secret: x}\n", []Change{
			{App: "c", New: "c"}, {App: "b", Old: "b"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Diff(load(t, tt.old), load(t, tt.next))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiff_NeverShowsASecret(t *testing.T) {
	old := load(t, hook("headers: {Authorization: hunter2}"))
	next := load(t, strings.NewReplacer("s3cret", "hunter4", "hunter2", "hunter3").Replace(hook("headers: {Authorization: hunter2}")))
	changes := Diff(old, next)
	if len(changes) != 2 {
		t.Fatalf("changes %v, want those of the secret and the webhooks", changes)
	}
	for _, c := range changes {
		if text := c.String(); strings.Contains(text, "hunter") || strings.Contains(text, "s3cret") || !strings.HasSuffix(text, " changed") {
			t.Errorf("the change reads %q", text)
		}
	}
}

func TestChange_ReadsAsASentence(t *testing.T) {
	for want, c := range map[string]Change{
		"log.level: info -> debug":                 {Key: "log.level", Old: "info", New: "debug"},
		"app chat: limits.max_connections: 0 -> 5": {App: "chat", Key: "limits.max_connections", Old: "0", New: "5"},
		"app chat: webhooks changed":               {App: "chat", Key: "webhooks"},
		"app chat: added":                          {App: "chat", New: "chat"},
		"app chat: removed":                        {App: "chat", Old: "chat"},
	} {
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
