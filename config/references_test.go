package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoad_VariablesInTheFile(t *testing.T) {
	env := []string{
		"PORT=7001", "SECRET=s3cret: [1, 2] # ${PORT}x", "EMPTY=", "LOOPS=3", "ON=false", "GRACE=7s", "TOKEN=Bearer t",
		"PROXIES=10.0.0.0/8, ::1", "PREFIX=room-", "ONE=192.0.2.1", "FANFARE_CHAT_KEY=chat-key",
	}
	c, err := Load(write(t, `
listen: "${HOST:-127.0.0.1}:${PORT}"
path_prefix: ${EMPTY:-/rt}
sockets: {loops: "${LOOPS}"}
http:
  trusted_proxies: ${PROXIES}
users: {offline_grace: "${GRACE}"}
apps:
  - id: chat
    key: ${FANFARE_CHAT_KEY}
    secret: ${SECRET}
    client_events: ${ON}
    allowed_origins: ["${ONE}"]
    webhooks:
      - url: https://example.com/${ONE}
        headers: {Authorization: "${TOKEN}", X-Plain: "a $${ONE}"}
        filter: {channel_prefix: "${PREFIX}", channel_suffix: "${EMPTY}"}
`), nil, env)
	if err != nil {
		t.Fatal(err)
	}
	a := c.Apps[0]
	got := []any{
		c.Listen, c.PathPrefix, c.Sockets.Loops, c.HTTP.TrustedProxies, c.Users.OfflineGrace.String(), a.Key, a.Secret, a.ClientEvents,
		a.AllowedOrigins, a.Webhooks[0].URL, a.Webhooks[0].Headers, a.Webhooks[0].Filter.ChannelPrefix, a.Webhooks[0].Filter.ChannelSuffix,
	}
	want := []any{
		"127.0.0.1:7001", "/rt", 3,
		[]string{"10.0.0.0/8", "::1"},
		"7s", "chat-key", "s3cret: [1, 2] # ${PORT}x", false,
		[]string{"192.0.2.1"},
		"https://example.com/192.0.2.1",
		map[string]string{"Authorization": "Bearer t", "X-Plain": "a ${ONE}"},
		"room-", "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings %q: the file has a use for FANFARE_CHAT_KEY", c.Warnings)
	}
}

func TestLoad_VariableThatIsNotSet_IsNamedWithItsLine(t *testing.T) {
	for _, tt := range []struct{ text, key, line string }{
		{"apps:\n  - id: a\n    key: b\n    secret: ${CHAT_SECRET}\n", "apps[0].secret", "config.yaml:4"},
		{hook("headers: {X-Token: 'a ${CHAT_SECRET}'}"), "apps[0].webhooks[0].headers.X-Token", "config.yaml:"},
		{app("allowed_origins: ['${CHAT_SECRET}']"), "apps[0].allowed_origins[0]", "config.yaml:"},
		{"listen: ':${CHAT_SECRET}'\n" + minimal, "listen", "config.yaml:1"},
	} {
		_, err := Load(write(t, tt.text), nil, nil)
		var e *Error
		if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].Key != tt.key || !strings.HasPrefix(e.Problems[0].Source, tt.line) ||
			!strings.Contains(err.Error(), "refers to the variable CHAT_SECRET, which is not set; set it, or write ${CHAT_SECRET:-default}") {
			t.Errorf("%s\ngot %v", tt.text, err)
		}
	}
}

// What a variable holds is a secret, however wrong it is.
func TestLoad_ValueOfAVariable_IsNeverShown(t *testing.T) {
	for _, value := range []string{" hunter2", `"hunter2"`, "hunter2\n", "${hunter2}", "********hunter2"} {
		_, err := Load(write(t, "apps:\n  - {id: a, key: k, secret: \"${S}\"}\n"), nil, []string{"S=" + value})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v", value, err)
		}
	}
	for _, text := range []string{
		"sockets: {max_connections: \"${S}\"}\n", "listen: ${S}\n", "listen: \":${S}\"\n", "users: {offline_grace: \"${S}\"}\n",
		"http: {trusted_proxies: [\"${S}\"]}\n", "http: {exempt_addresses: \"${S}\"}\n", "log: {level: \"${S}\"}\n", "runtime: {memory_limit: \"${S}\"}\n",
	} {
		for _, value := range []string{"hunter2", "::1, hunter2"} {
			_, err := Load(write(t, text+minimal), nil, []string{"S=" + value})
			if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "config.yaml:1") {
				t.Errorf("%s of %q: got %v", text, value, err)
			}
		}
	}
	c, err := Load(write(t, "apps:\n  - {id: a, key: k, secret: \"${S}\"}\n"), nil, []string{"S=hunter2"})
	if err != nil || strings.Contains(string(c.Print()), "hunter2") {
		t.Errorf("got %v, printed\n%s", err, c.Print())
	}
}

// What Compose and Print write is read back as it was, though it looks like a
// reference.
func TestCompose_TextsThatLookLikeReferences_AreReadBack(t *testing.T) {
	for _, odd := range []string{"a${PORT}$${PORT}${", "${PORT}"} {
		t.Run(odd, func(t *testing.T) { readBack(t, odd) })
	}
}

func readBack(t *testing.T, odd string) {
	t.Helper()
	text, err := Compose(nil, []Setting{
		{Path: "apps.0.id", Value: "1"},
		{Path: "apps.0.key", Value: "k"},
		{Path: "apps.0.secret", Value: odd},
		{Path: "apps.0.webhooks.0.url", Value: "https://h.example/"},
		{Path: "apps.0.webhooks.0.headers", Value: map[string]string{"X-A": odd}},
		{Path: "webhooks.store", Value: "/" + odd},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(write(t, string(text)), nil, []string{"PORT=7001"})
	if err != nil {
		t.Fatal(err)
	}
	a := c.Apps[0]
	for _, got := range []string{a.Secret, a.Webhooks[0].Headers["X-A"], strings.TrimPrefix(c.Webhooks.Store, "/")} {
		if got != odd {
			t.Errorf("%q is read back as %q", odd, got)
		}
	}
	if printed := string(c.Print()); !strings.Contains(printed, `"/`+strings.ReplaceAll(odd, "${", "$${")+`"`) {
		t.Errorf("printed so that another value would be read:\n%s", printed)
	}
}
