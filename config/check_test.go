package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mistakes are texts that must each give exactly one problem: with that key,
// that line and those words.
var mistakes = []struct {
	name, text, key, words string
}{
	{"unknown key", "lisen: ':1'\n" + minimal, "lisen", "did you mean listen?"},
	{"unknown key in a group", "metrics: {address: ':1'}\n" + minimal, "metrics.address", "known here: listen"},
	{"unknown group", "clusters: {}\n" + minimal, "clusters", "unknown key"},
	{"unknown key without a value", "lisen:\n" + minimal, "lisen", "did you mean listen?"},
	{"text where a key has to be", "apps:\n  - {id: a, key: k, secret: x,y, enabled: true}\n", "apps[0]", "put values with a comma"},
	{"key that cannot be one", "'a b': c\n" + minimal, "", "contains text that is not a key"},
	{"no space after a colon", "log:{level: info}\n" + minimal, "log", "lacks a space after its colon"},
	{"no space after a colon in a group", "log:\n  level:info\n" + minimal, "log", "lacks a space after the colon of level"},
	{"merge key", "apps:\n  - &a {id: chat, key: chat-key, secret: s3cret}\n  - {<<: *a, id: b, key: bk, secret: x}\n", "apps[1].<<", "merge keys are not read"},
	{"list as a key", "[a]: b\n" + minimal, "", "has a group or list in place of a key"},
	{"tag", "listen: !env ADDRESS\n" + minimal, "listen", "reads as a tag"},
	{"binary", "listen: !!binary OjYwMDE=\n" + minimal, "listen", "reads as a tag"},
	{"anchor for a value", "listen: &6001\n" + minimal, "listen", "reads as an anchor"},
	{"comment for a value", "listen: #6001\n" + minimal, "listen", "begins with # in quotes"},
	{"apps twice", minimal + "apps:\n  - {id: b, key: bk, secret: x}\n", "apps", "first in line 1; remove this line"},
	{"key twice", "listen: ':1'\nlisten: ':2'\n" + minimal, "listen", "is written twice, first in line 1; keep one"},
	{"text for a group", "metrics: ':9601'\n" + minimal, "metrics", "has keys of its own"},
	{"group for a text", "listen: {port: 6001}\n" + minimal, "listen", "this is a group of keys"},
	{"list for a number", "sockets: {loops: [1]}\n" + minimal, "sockets.loops", "must be a whole number"},
	{"texts for a list", app("allowed_origins: a.example, b.example"), "apps[0].allowed_origins", `write ["a.example", "b.example"]`},
	{"file that is a text", "hello\n", "", "this is a text"},
	{"no space after a dash", "apps:\n  -id: a\n  -key: b\n", "apps", "lacks a space after the -"},
	{"text for a list", "http: {trusted_proxies: 10.0.0.1}\n" + minimal, "http.trusted_proxies", `write ["10.0.0.1"]`},
	{"group in a list", "http: {trusted_proxies: [{a: b}]}\n" + minimal, "http.trusted_proxies[0]", "must be a text"},
	{"group for the apps", "apps: {id: chat}\n", "apps", "must be a list"},
	{"no group for the apps", "apps: {}\n", "apps", "must be a list"},
	{"group for a list of texts", app("allowed_origins: {a: b}"), "apps[0].allowed_origins", "must be a list; this is a group of keys"},
	{"app that is a text", "apps: [chat]\n", "apps[0]", "has keys of its own"},
	{"file that is a list", "- a\n", "", "the file must hold keys, such as listen and apps; this is a list."},
	{"not a number", app("limits: {max_event_bytes: 10k}"), "apps[0].limits.max_event_bytes", `"10k" is not a whole number`},
	{"fraction", app("limits: {max_event_bytes: 1.5}"), "apps[0].limits.max_event_bytes", "whole number"},
	{"negative limit", app("limits: {max_connections: -1}"), "apps[0].limits.max_connections", "the minimum is 0"},
	{"huge limit", app("limits: {max_event_bytes: 99999999999}"), "apps[0].limits.max_event_bytes", "the maximum is 16777216"},
	{"not a switch", app("enabled: yes please"), "apps[0].enabled", "neither true nor false"},
	{"switch of YAML 1.1", app("enabled: off"), "apps[0].enabled", "write false"},
	{"duration without unit", "shutdown: {delay: 30}\n" + minimal, "shutdown.delay", "write 30s for seconds or 30ms for milliseconds"},
	{"not a duration", "shutdown: {delay: soon}\n" + minimal, "shutdown.delay", "is not a duration"},
	{"negative duration", "shutdown: {delay: -1s}\n" + minimal, "shutdown.delay", "too short"},
	{"long duration", app("cache_ttl: 48h"), "apps[0].cache_ttl", "the maximum is 24h"},
	{"part of a second", app("activity_timeout: 1500ms"), "apps[0].activity_timeout", "whole number of seconds"},
	{"listen without colon", "listen: 6001\n" + minimal, "listen", `write ":6001"`},
	{"listen with scheme", "listen: http://localhost:6001\n" + minimal, "listen", "not host:port"},
	{"listen port", "listen: ':66000'\n" + minimal, "listen", "between 0 and 65535"},
	{"empty listen", "listen: ''\n" + minimal, "listen", "not host:port"},
	{"IPv6 without brackets", "listen: '::1:6001'\n" + minimal, "listen", "in brackets"},
	{"listen on a star", "listen: '*:6001'\n" + minimal, "listen", `write ":6001"`},
	{"listen on half an address", "listen: '127.0.1:6001'\n" + minimal, "listen", "no host name or address"},
	{"listen on no address", "listen: '300.1.1.1:6001'\n" + minimal, "listen", "no host name or address"},
	{"listen on a signed port", "listen: ':+6001'\n" + minimal, "listen", "between 0 and 65535"},
	{"metrics on one of the addresses of clients", "metrics: {listen: '127.0.0.1:6001'}\n" + minimal, "metrics.listen", "one of its own"},
	{"metrics on every address of clients", "listen: localhost:6001\nmetrics: {listen: '[::]:6001'}\n" + minimal, "metrics.listen", "one of its own"},
	{"metrics on the name of the address of clients", "listen: 127.0.0.1:6001\nmetrics: {listen: 'localhost:6001'}\n" + minimal, "metrics.listen", "one of its own"},
	{"metrics port", "metrics: {listen: ':99999'}\n" + minimal, "metrics.listen", "between 0 and 65535"},
	{"number that is no port", "listen: 99999\n" + minimal, "listen", "write for example \":6001\""},
	{"metrics on the same address", "metrics: {listen: ':6001'}\n" + minimal, "metrics.listen", "one of its own"},
	{"path prefix", "path_prefix: rt/\n" + minimal, "path_prefix", "such as /rt"},
	{"path prefix that needs escaping", "path_prefix: /ü\n" + minimal, "path_prefix", "such as /rt"},
	{"path prefix of our own paths", "path_prefix: /app\n" + minimal, "path_prefix", "choose another"},
	{"log level", "log: {level: warning}\n" + minimal, "log.level", "did you mean warn?"},
	{"transport", "sockets: {transport: kqueue}\n" + minimal, "sockets.transport", "auto, epoll, goroutine"},
	{"network", "http: {trusted_proxies: [10.0.0.0/64]}\n" + minimal, "http.trusted_proxies[0]", "10.0.0.0/8"},
	{"network without bits", "http: {trusted_proxies: [10.0.0.0/]}\n" + minimal, "http.trusted_proxies[0]", "10.0.0.0/8"},
	{"host name for a network", "http: {trusted_proxies: [nginx]}\n" + minimal, "http.trusted_proxies[0]", "neither an address nor a network"},
	{"node with a port", "fallback: {node_host: 'node1.example:6001'}\n" + minimal, "fallback.node_host", "bare host name"},
	{"node that is half an address", "fallback: {node_host: 10.0.0}\n" + minimal, "fallback.node_host", "bare host name"},
	{"node with an empty label", "fallback: {node_host: node1..example}\n" + minimal, "fallback.node_host", "bare host name"},
	{"memory limit too small", "runtime: {memory_limit: 512KiB}\n" + minimal, "runtime.memory_limit", "the minimum is 16MiB"},
	{"memory limit", "runtime: {memory_limit: 2GB}\n" + minimal, "runtime.memory_limit", "512MiB"},
	{"memory limit too large", "runtime: {memory_limit: 99999999TiB}\n" + minimal, "runtime.memory_limit", "larger"},
	{"collector off", "runtime: {gc_percent: -1}\n" + minimal, "runtime.gc_percent", "memory_limit"},
	{"half a certificate", "tls: {cert_file: a.pem}\n" + minimal, "tls.key_file", "is missing"},
	{"other half", "tls: {key_file: a.pem}\n" + minimal, "tls.cert_file", "is missing"},
	{"ACME without terms", acme("domains: [a.example], storage: /x"), "tls.acme.accept_terms", "write true"},
	{"ACME without storage", acme("domains: [a.example], accept_terms: true"), "tls.acme.storage", "is missing"},
	{"ACME beside files", "tls: {cert_file: a.pem, key_file: b.pem, acme: {domains: [a.example], storage: /x, accept_terms: true}}\n" + minimal, "tls.acme.domains", "one or the other"},
	{"ACME for all names below", acme("domains: ['*.a.example'], storage: /x, accept_terms: true"), "tls.acme.domains[0]", "set tls.cert_file"},
	{"ACME for an address", acme("domains: [10.0.0.1], storage: /x, accept_terms: true"), "tls.acme.domains[0]", "is an IP address"},
	{"ACME for a URL", acme("domains: ['https://a.example'], storage: /x, accept_terms: true"), "tls.acme.domains[0]", "leave out https://"},
	{"ACME for capitals", acme("domains: [A.example], storage: /x, accept_terms: true"), "tls.acme.domains[0]", "has capitals"},
	{"ACME for a name of this network", acme("domains: [localhost], storage: /x, accept_terms: true"), "tls.acme.domains[0]", "not a public host name"},
	{"ACME for a name twice", acme("domains: [a.example, a.example], storage: /x, accept_terms: true"), "tls.acme.domains[1]", "is listed twice"},
	{"ACME for nobody", acme("email: nobody"), "tls.acme.email", "admin@example.com"},
	{"ACME over http", acme("directory: http://a.example/"), "tls.acme.directory", "https address"},
	{"ACME with half an account", acme("domains: [a.example], storage: /x, accept_terms: true, eab_key_id: k"), "tls.acme.eab_key", "is missing"},
	{"ACME with the other half", acme("domains: [a.example], storage: /x, accept_terms: true, eab_key: aaaa"), "tls.acme.eab_key_id", "is missing"},
	{"ACME with a key that is none", acme("domains: [a.example], storage: /x, accept_terms: true, eab_key_id: k, eab_key: '!'"), "tls.acme.eab_key", "not base64url"},
	{"ACME at a Unix socket", "listen: unix:/run/f.sock\n" + acme("domains: [a.example], storage: /x, accept_terms: true"), "tls.acme.domains", "Unix socket"},
	{"ACME at the address of clients", acme("domains: [a.example], storage: /x, accept_terms: true, http_listen: ':6001'"), "tls.acme.http_listen", "address of listen"},
	{"messages too small", "sockets: {max_message_bytes: 100}\n" + minimal, "sockets.max_message_bytes", "at least 1024"},
	{"bodies too small", "http: {max_body_bytes: 100}\n" + minimal, "http.max_body_bytes", "at least 1024"},
	{"Unix socket without a path", "listen: 'unix:'\n" + minimal, "listen", "unix:/run/fanfare/fanfare.sock"},
	{"Unix socket in no folder", "listen: unix:fanfare.sock\n" + minimal, "listen", "is not an absolute path"},
	{"Unix socket with a long path", "listen: unix:/" + strings.Repeat("a", 103) + "\n" + minimal, "listen", "104 bytes"},
	{"mode of a Unix socket", "listen: unix:/run/f.sock\nlisten_mode: rw-rw----\n" + minimal, "listen_mode", "such as 0660"},
	{"mode that is none", "listen: unix:/run/f.sock\nlisten_mode: 01777\n" + minimal, "listen_mode", "such as 0660"},
	{"mode that lets nobody in", "listen: unix:/run/f.sock\nlisten_mode: 0444\n" + minimal, "listen_mode", "own user"},
	{"PROXY protocol of nobody", "http: {proxy_protocol: required}\n" + minimal, "http.proxy_protocol", "http.trusted_proxies, which is empty"},
	{"PROXY protocol of a version", "http: {proxy_protocol: v2, trusted_proxies: [10.0.0.1]}\n" + minimal, "http.proxy_protocol", "off, optional, required"},
	{"header of the client's address", "http: {client_address_header: cf-connecting-ip}\n" + minimal, "http.client_address_header", "did you mean CF-Connecting-IP?"},
	{"exempt name", "http: {exempt_addresses: [office]}\n" + minimal, "http.exempt_addresses[0]", "neither an address nor a network"},
	{"nothing left of a drain", "shutdown: {delay: 20s, spread: 10s}\n" + minimal, "shutdown.timeout", "30s is not more than"},
	{"TLS that nobody brings", app("require_tls: true"), "apps[0].require_tls", "tls.cert_file"},
	{"secret that is the key", "apps:\n  - {id: a, key: chat, secret: chat}\n", "apps[0].secret", "which every client knows"},
	{"further secret that is the key", app("keys: [{key: old, secret: old}]"), "apps[0].keys[0].secret", "which every client knows"},
	{"drain too long", "shutdown: {spread: 1m}\n" + minimal, "shutdown.timeout", "1m"},
	{"no apps", "apps: []\n", "apps", "fanfare keys new"},
	{"missing id", "apps:\n  - {key: k, secret: s}\n", "apps[0].id", "is missing"},
	{"missing key", "apps:\n  - {id: a, secret: s}\n", "apps[0].key", "is missing"},
	{"missing secret", "apps:\n  - {id: a, key: k}\n", "apps[0].secret", "fanfare keys new"},
	{"null secret", "apps:\n  - {id: a, key: k, secret: }\n", "apps[0].secret", "is missing"},
	{"secret of a further key", app("keys: [{key: old}]"), "apps[0].keys[0].secret", "is missing"},
	{"space in a secret", "apps:\n  - {id: a, key: k, secret: 's '}\n", "apps[0].secret", "a space"},
	{"slash in an id", "apps:\n  - {id: a/b, key: k, secret: s}\n", "apps[0].id", "use letters"},
	{"colon in a key", "apps:\n  - {id: a, key: 'a:b', secret: s}\n", "apps[0].key", "use letters"},
	{"id twice", minimal + "  - {id: chat, key: k, secret: s}\n", "apps[1].id", "already the id of apps[0];"},
	{"key twice over apps", minimal + "  - {id: b, key: chat-key, secret: s}\n", "apps[1].key", "already the key of apps[0];"},
	{"key twice in an app", app("keys: [{key: chat-key, secret: x}]"), "apps[0].keys[0].key", "already the key"},
	{"origin with a path", app("allowed_origins: ['https://a.example/']"), "apps[0].allowed_origins[0]", "without a path"},
	{"origin of files with a path", app("allowed_origins: ['file:///tmp']"), "apps[0].allowed_origins[0]", "without a path"},
	{"origin of a socket", app("allowed_origins: ['wss://chat.example']"), "apps[0].allowed_origins[0]", "such as https://chat.example"},
	{"origin with a port that is none", app("allowed_origins: ['chat.example:99999']"), "apps[0].allowed_origins[0]", "is not an origin"},
	{"origin with two stars", app("allowed_origins: ['*.*.example']"), "apps[0].allowed_origins[0]", "wildcard in the wrong place"},
	{"empty origin", app("allowed_origins: ['']"), "apps[0].allowed_origins[0]", "is not an origin"},
	{"webhook without url", app("webhooks: [{events: []}]"), "apps[0].webhooks[0].url", "is missing"},
	{"webhook scheme", app("webhooks: [{url: 'ftp://example.com'}]"), "apps[0].webhooks[0].url", "http or https"},
	{"webhook port", app("webhooks: [{url: 'https://example.com:99999/'}]"), "apps[0].webhooks[0].url", "between 1 and 65535"},
	{"webhook port 0", app("webhooks: [{url: 'https://example.com:0/'}]"), "apps[0].webhooks[0].url", "between 1 and 65535"},
	{"webhook port that is a word", app("webhooks: [{url: 'https://example.com:http/'}]"), "apps[0].webhooks[0].url", "is not a number"},
	{"webhook colon", app("webhooks: [{url: 'https://example.com:/'}]"), "apps[0].webhooks[0].url", "a colon but no port"},
	{"webhook host", app("webhooks: [{url: 'https://exa mple.com/'}]"), "apps[0].webhooks[0].url", "not an http or https address"},
	{"webhook address", app("webhooks: [{url: 'https://10.0.0.256/'}]"), "apps[0].webhooks[0].url", "no host name or address"},
	{"webhook without slashes", app("webhooks: [{url: 'https:example.com'}]"), "apps[0].webhooks[0].url", "not an http or https address"},
	{"webhook fragment", app("webhooks: [{url: 'https://example.com/#a'}]"), "apps[0].webhooks[0].url", "has a # part"},
	{"webhook prefix", hook("filter: {channel_prefix: 'room:'}"), "apps[0].webhooks[0].filter.channel_prefix", "channel names cannot contain"},
	{"webhook filters that leave nothing", hook("filter: {channel_prefix: private-a, exclude_prefixes: [private-]}"), "apps[0].webhooks[0].filter.exclude_prefixes[0]", "excludes every channel"},
	{"webhook filter that excludes all", hook("filter: {exclude_prefixes: ['']}"), "apps[0].webhooks[0].filter.exclude_prefixes[0]", "is empty"},
	{"webhook pattern", hook("filter: {channel_pattern: '('}"), "apps[0].webhooks[0].filter.channel_pattern", "missing closing )"},
	{"webhook event", hook("events: [member_add]"), "apps[0].webhooks[0].events[0]", "did you mean member_added?"},
	{"webhook interval", hook("batch: {interval: 0}"), "apps[0].webhooks[0].batch.interval", "the minimum is 10ms"},
	{"webhook filter", hook("filter: {prefix: a}"), "apps[0].webhooks[0].filter.prefix", "did you mean apps[0].webhooks[0].filter.channel_prefix?"},
	{"webhook filter of another kind", hook("filter: {rooms: a}"), "apps[0].webhooks[0].filter.rooms", "known here: channel_prefix"},
	{"end of several keys", "sockets: {timeout: 5s}\n" + minimal, "sockets.timeout", "unknown key"},
	{"webhook header without a value", hook("headers: {X-Y: }"), "apps[0].webhooks[0].headers.X-Y", "has no value"},
	{"webhook header that is part of a value", hook("headers: {X-Y: a,b}"), "apps[0].webhooks[0].headers", "put values with a comma"},
	{"webhook header", hook("headers: {'X Y': a}"), "apps[0].webhooks[0].headers.X Y", "not a valid header"},
	{"webhook header value", hook(`headers: {X-Y: "a\nb"}`), "apps[0].webhooks[0].headers.X-Y", "one line"},
	{"webhook header twice", hook("headers: {X-Y: a, x-y: b}"), "apps[0].webhooks[0].headers", "X-Y is written twice"},
}

// app is a file of one app with a further key, hook one with a webhook.
func app(key string) string {
	return "apps:\n  - id: chat\n    key: chat-key\n    secret: s3cret\n    " + key + "\n"
}

func hook(key string) string { return app("webhooks: [{url: 'https://example.com/', " + key + "}]") }

func TestLoad_Mistakes_NameTheKeyAndTheRemedy(t *testing.T) {
	for _, tt := range mistakes {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(write(t, tt.text), nil, nil)
			if err == nil {
				t.Fatalf("accepted:\n%s", tt.text)
			}
			if !strings.Contains(err.Error(), tt.words) {
				t.Errorf("error %q does not say %q", err, tt.words)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v is no *Error", err)
			}
			if len(e.Problems) != 1 || e.Problems[0].Key != tt.key || !strings.HasPrefix(e.Problems[0].Source, "config.yaml") {
				t.Errorf("problems %+v, want one with %s", e.Problems, tt.key)
			}
		})
	}
}

func TestLoad_KeyInTheWrongPlace_IsLedHome(t *testing.T) {
	_, err := Load(write(t, app("max_event_bytes: 1")), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "config.yaml:5: apps[0].max_event_bytes: unknown key here; it belongs to apps[0].limits.max_event_bytes") {
		t.Errorf("got %v", err)
	}
}

func TestLoad_AllMistakesAtOnce_InTheOrderOfLines(t *testing.T) {
	_, err := Load(write(t, "apps: [{id: a}]\nlisen: a\nlog: {level: loud}\n"), nil, []string{"FANFARE_SOCKETS_LOOPS=many"})
	if err == nil {
		t.Fatal("accepted")
	}
	const want = `the configuration is invalid:
  config.yaml:1: apps[0].key: is missing; ` + "`fanfare keys new`" + ` makes a key and its secret
  config.yaml:1: apps[0].secret: is missing; ` + "`fanfare keys new`" + ` makes a key and its secret
  config.yaml:2: lisen: unknown key; did you mean listen?
  config.yaml:3: log.level: "loud" is not one of trace, debug, info, warn, error
  FANFARE_SOCKETS_LOOPS: sockets.loops: "many" is not a whole number`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLoad_MistakeElsewhere_NamesVariableOrFlag(t *testing.T) {
	_, err := Load("", parseFlags(t, "--listen=6001"), []string{"FANFARE_APPS_0_LIMITS_MAX_EVENT_BYTES=ten", "FANFARE_METRICS_LISTEN=9601"})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"--listen: listen: ",
		`FANFARE_APPS_0_LIMITS_MAX_EVENT_BYTES: apps[0].limits.max_event_bytes: "ten"`,
		"FANFARE_METRICS_LISTEN: metrics.listen: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, m := range mistakes {
		f.Add(m.text)
	}
	for _, m := range unreadable {
		f.Add(m.text)
	}
	f.Add(string(Sample()))
	f.Add("a: &a {a: *a}\n")
	f.Add("apps: &a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load(write(t, text), nil, nil)
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v and error %v", c, err)
		}
		if err == nil {
			if _, err := c.Registry(); err != nil {
				t.Fatalf("a valid configuration makes no registry: %v\n%s", err, text)
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("error %v is no *Error", err)
		}
		last := 0
		for _, p := range e.Problems {
			if p.line > 0 && (p.line < last || p.line > len(text)+1) {
				t.Errorf("line %d after line %d in\n%v", p.line, last, err)
			}
			last = max(last, p.line)
		}
	})
}
