package config

import (
	"strings"
	"testing"
)

func TestLoad_Doubts_AreWarnedAbout(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"everyone trusted", "http: {trusted_proxies: [10.0.0.0/8, 0.0.0.0/0]}\n" + minimal, "config.yaml:1: http.trusted_proxies[1]: trusts every address"},
		{"everyone trusted, IPv6", "http: {trusted_proxies: ['::/0']}\n" + minimal, "config.yaml:1: http.trusted_proxies[0]: trusts every address"},
		{"node of no fallback", "fallback: {enabled: false, node_host: a.example}\n" + minimal, "config.yaml:1: fallback.node_host: has no effect"},
		{"prefix twice", "path_prefix: /rt\nfallback: {path: /rt/pusher}\n" + minimal, "config.yaml:2: fallback.path: is appended to path_prefix, so clients need httpPath /rt/rt/pusher"},
		{"access log that is not written", "log: {access_log: true, level: warn}\n" + minimal, "config.yaml:1: log.access_log: has no effect"},
		{"no time to close", "shutdown: {timeout: 8s}\n" + minimal, "config.yaml:1: shutdown.timeout: leaves the last sockets less time than sockets.close_timeout to close; raise it to 10s"},
		{"store of no webhooks", "webhooks: {store: a.db}\n" + minimal, "config.yaml:1: webhooks.store: has no effect"},
		{"profiles without an address", "metrics: {listen: '', pprof: true}\n" + minimal, "config.yaml:1: metrics.pprof: has no effect"},
		{"socket for everybody", "listen: unix:/run/f.sock\nlisten_mode: 0666\n" + minimal, "config.yaml:2: listen_mode: lets every user of this machine connect"},
		{"ACME for no name", acme("email: a@b.example"), "config.yaml:1: tls.acme: has no effect"},
		{"everything off", app("enabled: false"), "config.yaml:2: apps: are all disabled"},
		{"public secret", "apps:\n  - {id: a, key: k, secret: app-secret}\n", "config.yaml:2: apps[0].secret: is public"},
		{"time for nothing", app("authorization_timeout: 10s"), "config.yaml:5: apps[0].authorization_timeout: has no effect"},
		{"origins beside all", app("allowed_origins: [chat.example, '*']"), `config.yaml:5: apps[0].allowed_origins[1]: "*" allows every origin`},
		{"no origins", app("allowed_origins: []"), "config.yaml:5: apps[0].allowed_origins: is empty, which allows every origin"},
		{"app beyond the server", "sockets: {max_connections: 10}\n" + app("limits: {max_connections: 11}"), "config.yaml:6: apps[0].limits.max_connections: 11 is never reached"},
		{"no client event", app("limits: {max_event_name: 7}"), "config.yaml:5: apps[0].limits.max_event_name: 7 is too short"},
		{"no presence channel", app("limits: {max_channel_name: 9}"), "config.yaml:5: apps[0].limits.max_channel_name: 9 is too short"},
		{"messages below events", "sockets: {max_message_bytes: 4096}\n" + app("limits: {max_event_bytes: 4096}"), "config.yaml:6: apps[0].limits.max_event_bytes: 4096 is more than a client can send"},
		{"messages below user_info", "sockets: {max_message_bytes: 2048}\n" + app("client_events: false"), "config.yaml:3: apps[0].limits.max_user_info_bytes: 2048 is more than a client can send"},
		{"bodies below events", "http: {max_body_bytes: 4096}\n" + app("limits: {max_event_bytes: 4096}"), "config.yaml:6: apps[0].limits.max_event_bytes: 4096 is more than a request can hold"},
		{"queues below events", "sockets: {queue_bytes: 65536}\n" + app("limits: {max_event_bytes: 65537}"), "config.yaml:6: apps[0].limits.max_event_bytes: 65537 is more than sockets.queue_bytes"},
		{"cache below events", app("limits: {max_cached_bytes: 100}"), "config.yaml:5: apps[0].limits.max_cached_bytes: 100 is too small for one event"},
		{"events that clients cannot send", strings.Replace(hook("events: [client_event]"), "    webhooks", "    client_events: false\n    webhooks", 1), "config.yaml:6: apps[0].webhooks[0].events[0]: is never sent"},
		{"counts that are off", strings.Replace(hook("events: [subscription_count]"), "    webhooks", "    subscription_count: false\n    webhooks", 1), "config.yaml:6: apps[0].webhooks[0].events[0]: is never sent"},
		{"members elsewhere", hook("events: [member_added], filter: {channel_prefix: private-}"), "config.yaml:5: apps[0].webhooks[0].events[0]: is sent for presence channels only"},
		{"event twice", hook("events: [member_added, member_added]"), "config.yaml:5: apps[0].webhooks[0].events[1]: member_added is listed twice"},
		{"header of our own", hook("headers: {content-type: text/plain}"), "config.yaml:5: apps[0].webhooks[0].headers.content-type: is never sent"},
		{"queue below events", strings.Replace(hook("events: []"), "    webhooks", "    limits: {max_event_bytes: 1000000}\n    webhooks", 1) + "webhooks: {queue_bytes: 262144}\n", "config.yaml:6: apps[0].webhooks[0]: cannot keep a client event"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := load(t, tt.text)
			if len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings[0], tt.want) {
				t.Errorf("got %q, want %q", c.Warnings, tt.want)
			}
		})
	}
	for name, text := range map[string]string{
		"minimal":                    minimal,
		"TLS at a proxy":             "http: {trusted_proxies: [10.0.0.1]}\n" + app("require_tls: true"),
		"own TLS":                    "tls: {cert_file: a.pem, key_file: b.pem}\n" + app("require_tls: true"),
		"TLS by ACME":                acme("domains: [a.example, xn--d1acufc.example], storage: /x, accept_terms: true, http_listen: ':80', email: a@b.example, eab_key_id: k, eab_key: aaaa"),
		"disabled app":               app("require_tls: true\n    enabled: false") + "  - {id: b, key: bk, secret: x}\n",
		"app beyond one node":        "cluster: {driver: redis}\nsockets: {max_connections: 10}\n" + app("limits: {max_connections: 11}"),
		"same port, other addresses": "listen: 127.0.0.1:6001\nmetrics: {listen: '127.0.0.2:6001'}\n" + minimal,
	} {
		if c := load(t, text); len(c.Warnings) > 0 {
			t.Errorf("%s: warnings %q", name, c.Warnings)
		}
	}
}
