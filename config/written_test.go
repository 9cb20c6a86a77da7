package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Quotes that a shell would have taken away arrive as part of the value.
func TestLoad_QuotesThatBelongToTheValue_AreRefused(t *testing.T) {
	named := []string{"FANFARE_APP_ID=chat", "FANFARE_APP_KEY=chat-key", "FANFARE_APP_SECRET=s3cret", "FANFARE_APPS_0_WEBHOOKS_0_URL=http://a.example"}
	for _, variable := range []string{
		`FANFARE_APP_SECRET="hunter2"`, `FANFARE_APP_SECRET='hunter2'`, "FANFARE_APP_SECRET=“hunter2”", "FANFARE_APP_SECRET=`hunter2`",
		`FANFARE_APP_ID="hunter2"`, `FANFARE_APP_KEY="hunter2"`, `FANFARE_LISTEN=":6001"`, `FANFARE_PATH_PREFIX="/rt"`,
		`FANFARE_TLS_CERT_FILE="a.pem"`, `FANFARE_LOG_LEVEL="debug"`, `FANFARE_SOCKETS_LOOPS="2"`, `FANFARE_SHUTDOWN_SPREAD="1s"`,
		`FANFARE_APPS_0_ENABLED="true"`, `FANFARE_APPS_0_ALLOWED_ORIGINS="a.example,b.example"`, `FANFARE_HTTP_TRUSTED_PROXIES='10.0.0.0/8'`,
		`FANFARE_FALLBACK_NODE_HOST="a.example"`, `FANFARE_WEBHOOKS_STORE="/var/lib/f.db"`, `FANFARE_RUNTIME_MEMORY_LIMIT="1GiB"`,
		`FANFARE_APPS_0_WEBHOOKS_0_URL="https://a.example"`, `FANFARE_APPS_0_WEBHOOKS_0_FILTER_CHANNEL_PREFIX="a"`,
		`FANFARE_METRICS_LISTEN=""`,
	} {
		name, _, _ := strings.Cut(variable, "=")
		env := []string{variable}
		for _, other := range named {
			if !strings.HasPrefix(other, name+"=") {
				env = append(env, other)
			}
		}
		_, err := Load("", nil, env)
		var e *Error
		if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].Source != name || !strings.Contains(err.Error(), "a quote that is part of the value") {
			t.Errorf("%s: got %v", variable, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the secret: %v", variable, err)
		}
	}
}

func TestLoad_ValuesThatCannotBeMeant(t *testing.T) {
	for _, tt := range []struct{ text, key, words string }{
		{app(`keys: [{key: a, secret: '"x"'}]`), "apps[0].keys[0].secret", "without quotes"},
		{app(`keys: [{key: a, secret: $SECRET}]`), "apps[0].keys[0].secret", "or ${NAME} in the file, or set FANFARE_APPS_0_KEYS_0_SECRET"},
		{"apps:\n  - {id: a, key: b, secret: $APP_SECRET}\n", "apps[0].secret", "set FANFARE_APP_SECRET"},
		{"apps:\n  - {id: a, key: b, secret: '{{ .Values.secret }}'}\n", "apps[0].secret", "refers to a variable"},
		{"apps:\n  - id: a\n    key: b\n    secret: |\n      s3cret\n", "apps[0].secret", "a line end"},
		{"apps:\n  - {id: a, key: b, secret: \"s\u200bcret\"}\n", "apps[0].secret", "invisible character (U+200B)"},
		{"apps:\n  - {id: a, key: b, secret: \"********\"}\n", "apps[0].secret", "fanfare config print"},
		{"listen: ':6001 '\n" + minimal, "listen", "a space"},
		{"webhooks: {store: ' /var/lib/f.db'}\n" + minimal, "webhooks.store", "a space"},
		{app(`allowed_origins: ['"*"']`), "apps[0].allowed_origins[0]", "without quotes"},
		{hook(`headers: {X-Token: '{{TOKEN}}'}`), "apps[0].webhooks[0].headers.X-Token", "refers to a variable"},
		{hook(`headers: {X-Token: '********'}`), "apps[0].webhooks[0].headers.X-Token", "fanfare config print"},
	} {
		_, err := Load(write(t, tt.text), nil, nil)
		var e *Error
		if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].Key != tt.key || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s\ngot %v, want %s with %q", tt.text, err, tt.key, tt.words)
		}
	}
	for _, text := range []string{
		hook(`headers: {If-Match: '"abc"'}`),                        // quotes have a meaning there
		"apps:\n  - {id: a, key: b, secret: '\"half'}\n",            // it may be random
		"apps:\n  - {id: a, key: b, secret: 'pa$$word {{ x'}\n",     // nothing replaces that elsewhere either
		"apps:\n  - {id: a, key: b, secret: 'pa${s-word} ${'}\n",    // no name of a variable
		"apps:\n  - {id: a, key: b, secret: 'two words “in” it'}\n", // or a phrase
	} {
		if _, err := Load(write(t, text), nil, nil); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLoad_ListFromEnvironmentInBrackets(t *testing.T) {
	_, err := Load(write(t, minimal), nil, []string{`FANFARE_HTTP_TRUSTED_PROXIES=["10.0.0.0/8"]`})
	if err == nil || !strings.Contains(err.Error(), "FANFARE_HTTP_TRUSTED_PROXIES: http.trusted_proxies: must be separated by commas here") {
		t.Errorf("got %v", err)
	}
}

func TestLoad_AddressesInBrackets_AreNoList(t *testing.T) {
	for _, text := range []string{"[::1]", "[::1]:3000", "[::1],[::2]", "[::1]:80,a.example"} {
		c, err := Load(write(t, minimal), nil, []string{"FANFARE_APPS_0_ALLOWED_ORIGINS=" + text})
		if err != nil || strings.Join(c.Apps[0].AllowedOrigins, ",") != text {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Whoever names one of id, key and secret means an app of their own: none of the
// others may be the public one.
func TestLoad_AppOfItsOwn_NamesItsSecret(t *testing.T) {
	for _, tt := range []struct {
		name string
		file string
		args []string
		env  []string
		want string
	}{
		{
			"id and key", "", nil,
			[]string{"FANFARE_APP_ID=x", "FANFARE_APP_KEY=y"},
			"FANFARE_APP_ID: apps[0].secret: is missing; FANFARE_APP_ID adds an app, which also needs FANFARE_APP_SECRET",
		},
		{
			"another key of the app", "", nil,
			[]string{"FANFARE_APP_ID=x", "FANFARE_APP_KEY=y", "FANFARE_APPS_0_CLIENT_EVENTS=false"},
			"FANFARE_APPS_0_CLIENT_EVENTS: apps[0].secret: is missing; FANFARE_APPS_0_CLIENT_EVENTS adds an app, which also needs FANFARE_APP_SECRET",
		},
		{
			"flags", "",
			[]string{"--app-id=x", "--app-key=y"},
			nil,
			"--app-id: apps[0].secret: is missing; --app-id adds an app, which also needs --app-secret",
		},
		{
			"a second app", minimal, nil,
			[]string{"FANFARE_APPS_1_ID=x", "FANFARE_APPS_1_KEY=y"},
			"FANFARE_APPS_1_ID: apps[1].secret: is missing; FANFARE_APPS_1_ID adds an app, which also needs FANFARE_APPS_1_SECRET",
		},
		{
			"a gap", minimal, nil,
			[]string{"FANFARE_APPS_2_ID=x"},
			"FANFARE_APPS_2_ID: apps[2]: apps[1] is missing before it; number the elements from 0 without gaps",
		},
		{
			"a gap at the front", "", nil,
			[]string{"FANFARE_APPS_1_ID=x", "FANFARE_APPS_1_KEY=y", "FANFARE_APPS_1_SECRET=z"},
			"FANFARE_APPS_1_ID: apps[1]: apps[0] is missing before it; number the elements from 0 without gaps",
		},
		{
			"a webhook", minimal, nil,
			[]string{"FANFARE_APPS_0_WEBHOOKS_0_EVENTS=member_added"},
			"FANFARE_APPS_0_WEBHOOKS_0_EVENTS: apps[0].webhooks[0].url: is missing; set FANFARE_APPS_0_WEBHOOKS_0_URL too",
		},
		{
			"an app of the file", "apps:\n  - {id: chat, key: chat-key}\n", nil, nil,
			"config.yaml:2: apps[0].secret: is missing; `fanfare keys new` makes a key and its secret",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := ""
			if tt.file != "" {
				file = write(t, tt.file)
			}
			_, err := Load(file, parseFlags(t, tt.args...), tt.env)
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff("the configuration is invalid: "+tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLoad_DemoApp_OnlyWhereNothingNamesAnApp(t *testing.T) {
	whole := []string{"FANFARE_APPS_0_ID=x", "FANFARE_APPS_0_KEY=y", "FANFARE_APPS_0_SECRET=z"}
	for _, tt := range []struct {
		name string
		file string
		env  []string
		want string
		demo bool
	}{
		{"nothing", "", nil, "app-id", true},
		{"other keys", "", []string{"FANFARE_LISTEN=:7001"}, "app-id", true},
		{"a file", write(t, minimal), nil, "chat", false},
		{"variables", "", whole, "x", false},
	} {
		c, err := Load(tt.file, nil, tt.env)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if len(c.Apps) != 1 || c.Apps[0].ID != tt.want || c.DemoApp != tt.demo {
			t.Errorf("%s: demo %t, apps %+v", tt.name, c.DemoApp, c.Apps)
		}
		if said := strings.Contains(strings.Join(c.Warnings, "\n"), "no app is configured: the demo app is served"); said != tt.demo {
			t.Errorf("%s: warnings %q", tt.name, c.Warnings)
		}
	}
}

func TestLoad_KeySetByTwoVariables_IsWarnedAbout(t *testing.T) {
	c, err := Load(write(t, minimal), nil, []string{"FANFARE_APPS_0_ID=loses", "FANFARE_APP_ID=wins", "FANFARE_APP_KEY=same", "FANFARE_APPS_0_KEY=same"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"FANFARE_APP_ID: sets apps[0].id, which FANFARE_APPS_0_ID sets to another value; this one is used"}
	if diff := cmp.Diff(want, c.Warnings); diff != "" || c.Apps[0].ID != "wins" {
		t.Errorf("app %s (-want +got)\n%s", c.Apps[0].ID, diff)
	}
}
