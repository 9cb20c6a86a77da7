package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"
)

// asValues compares what was configured: an empty list is none, and where a value
// came from does not count.
var asValues = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Config{}), cmpopts.IgnoreFields(Config{}, "Warnings")}

const minimal = "apps:\n  - {id: chat, key: chat-key, secret: s3cret}\n"

// write makes a config.yaml of the text and returns its name.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func parseFlags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	set := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddFlags(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return set
}

func TestLoad_Nothing_GivesTheDefaults(t *testing.T) {
	got, err := Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	if diff := cmp.Diff(want, *got, asValues); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_FlagsOverEnvironmentOverFile(t *testing.T) {
	name := write(t, "listen: ':7001'\nmetrics: {listen: ':7002'}\nlog: {level: warn}\n"+minimal)
	env := []string{"FANFARE_METRICS_LISTEN=:8002", "FANFARE_LOG_LEVEL=error", "HOME=/root"}
	got, err := Load(name, parseFlags(t, "--log-level=debug", "--access-log"), env)
	if err != nil {
		t.Fatal(err)
	}
	if got.Listen != ":7001" || got.Metrics.Listen != ":8002" || got.Log.Level != "debug" || !got.Log.AccessLog {
		t.Errorf("got listen %s, metrics %s, log %+v; want file, environment, flags", got.Listen, got.Metrics.Listen, got.Log)
	}
}

func TestLoad_EveryKindFromEnvironment(t *testing.T) {
	got, err := Load("", nil, []string{
		"FANFARE_SOCKETS_LOOPS=3",
		"FANFARE_SHUTDOWN_SPREAD=1m30s",
		"FANFARE_HTTP_TRUSTED_PROXIES=::ffff:127.0.0.1, ::ffff:10.0.0.0/104",
		"FANFARE_METRICS_LISTEN=",
		"FANFARE_SHUTDOWN_TIMEOUT=2m",
		"FANFARE_APPS_0_ID=first",
		"FANFARE_APP_KEY=first-key",
		"FANFARE_APPS_0_SECRET=first-secret",
		"FANFARE_APPS_0_REQUIRE_TLS=true",
		"FANFARE_APPS_0_LIMITS_MAX_EVENT_BYTES=20_480",
		"FANFARE_APPS_0_KEYS_0_KEY=old",
		"FANFARE_APPS_0_KEYS_0_SECRET=older",
		"FANFARE_APPS_0_WEBHOOKS_0_URL=https://example.com/hooks",
		`FANFARE_APPS_0_WEBHOOKS_0_HEADERS={"X-Token":"a,b"}`,
		"FANFARE_APPS_1_ID=second",
		"FANFARE_APPS_1_KEY=second-key",
		"FANFARE_APPS_1_SECRET=second-secret",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Sockets.Loops = 3
	want.Shutdown.Spread = 90 * time.Second
	want.Shutdown.Timeout = 2 * time.Minute
	want.HTTP.TrustedProxies = []string{"::ffff:127.0.0.1", "::ffff:10.0.0.0/104"}
	want.Metrics.Listen = ""
	want.DemoApp = false
	want.Apps[0].ID, want.Apps[0].Key, want.Apps[0].Secret = "first", "first-key", "first-secret"
	want.Apps[0].RequireTLS = true
	want.Apps[0].Limits.MaxEventBytes = 20480
	want.Apps[0].Keys = []Key{{Key: "old", Secret: "older"}}
	hook := defaultWebhook()
	hook.URL, hook.Headers = "https://example.com/hooks", map[string]string{"X-Token": "a,b"}
	want.Apps[0].Webhooks = []Webhook{hook}
	second := defaultApp()
	second.ID, second.Key, second.Secret = "second", "second-key", "second-secret"
	want.Apps = append(want.Apps, second)
	if diff := cmp.Diff(want, *got, asValues); diff != "" {
		t.Error(diff)
	}
	if p := got.TrustedPrefixes(); len(p) != 2 || p[0].String() != "127.0.0.1/32" || p[1].String() != "10.0.0.0/8" {
		t.Errorf("trusted networks %v", p)
	}
}

func TestLoad_FirstAppByShortNames(t *testing.T) {
	for _, file := range []string{"", write(t, "listen: ':6001'\n"), write(t, minimal)} {
		got, err := Load(file, parseFlags(t, "--app-secret=flag"), []string{"FANFARE_APP_ID=1", "FANFARE_APP_KEY=env"})
		if err != nil {
			t.Fatalf("file %q: %v", file, err)
		}
		if a := got.Apps[0]; len(got.Apps) != 1 || a.ID != "1" || a.Key != "env" || a.Secret != "flag" || !a.ClientEvents {
			t.Errorf("file %q: apps %+v", file, got.Apps)
		}
	}
}

func TestLoad_FlagsMeanTheFirstAppOnly(t *testing.T) {
	name := write(t, minimal+"  - {id: two, key: two-key, secret: two-secret}\n")
	got, err := Load(name, parseFlags(t, "--app-key=flag"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Apps[0].Key != "flag" || got.Apps[1].Key != "two-key" {
		t.Errorf("keys %s and %s", got.Apps[0].Key, got.Apps[1].Key)
	}
}

// Each key must be reachable: from its variable to its field and back.
func TestLoad_EveryKeyHasAVariable(t *testing.T) {
	c := Defaults()
	grow(schema(), reflect.ValueOf(&c).Elem(), "", func(string) int { return 1 })
	walk(schema(), reflect.ValueOf(&c).Elem(), "", func(path string, _ *field, _ reflect.Value) {
		r := newReport()
		l := readEnv([]string{variable(path) + "=x"}, nil, r)
		if _, ok := l.values[path]; !ok || len(r.warnings) > 0 {
			t.Errorf("%s does not set %s: %v %v", variable(path), path, l.values, r.warnings)
		}
	})
}

func TestLoad_UnknownVariable_IsWarnedAbout(t *testing.T) {
	got, err := Load(write(t, minimal), nil, []string{
		"FANFARE_METRIC_LISTEN=:1", "FANFARE_CONFIG=x", "FANFARE_PORT_6001_TCP=x", "FANFARE_SERVICE_HOST=10.0.0.1",
		"FANFARE_APP_SERVICE_HOST=10.0.0.1", "FANFARE_APP_PORT=tcp://10.0.0.1:80", "FANFARE_APP_PORT_80_TCP_ADDR=10.0.0.1", "FANFARE_APP_SERVICE_PORT_HTTP=80", "FANFARE_PORT=6001",
		"FANFARE_APPS_12345678_KEY=x", "FANFARE_APPS_-1_KEY=x",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Warnings) != 4 || !strings.Contains(strings.Join(got.Warnings, "\n"), "FANFARE_PORT: the variable matches no key; clients are served on the address in FANFARE_LISTEN") || !strings.Contains(strings.Join(got.Warnings, "\n"), "did you mean FANFARE_METRICS_LISTEN?") {
		t.Errorf("warnings %q", got.Warnings)
	}
}

// A typing error must not leave the app with the public secret.
func TestLoad_UnknownVariableOfAnApp_IsRefusedWhereNoAppIsNamed(t *testing.T) {
	for variable, want := range map[string]string{
		"FANFARE_APP_SECERT=x":   "FANFARE_APP_SECERT: the variable matches no key; did you mean FANFARE_APP_SECRET?",
		"FANFARE_APPS=[{}]":      "FANFARE_APPS: the variable matches no key",
		"FANFARE_APPS_1000_ID=x": "FANFARE_APPS_1000_ID: the variable matches no key",
	} {
		if _, err := Load("", nil, []string{variable}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", variable, err, want)
		}
		if c, err := Load(write(t, minimal), nil, []string{variable}); err != nil || len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings[0], want) {
			t.Errorf("%s beside a file: got %v, want a warning", variable, err)
		}
	}
}

func TestLoad_NameOfTheFileInQuotes(t *testing.T) {
	_, err := Load(`"`+write(t, minimal)+`"`, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "write it without quotes") {
		t.Errorf("got %v", err)
	}
}

func TestLoad_FileForms(t *testing.T) {
	for name, text := range map[string]string{
		"json":             `{"apps":[{"id":"chat","key":"chat-key","secret":"s3cret"}]}`,
		"anchor":           "apps:\n  - {id: chat, key: chat-key, secret: s3cret, limits: &l {max_subscriptions: 5}}\n  - {id: b, key: bk, secret: x, limits: *l}\n",
		"numbers as names": "apps:\n  - {id: 0123, key: 1e3, secret: 42}\n",
		"null keeps":       "listen:\nlog: ~\n" + minimal,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Load(write(t, text), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.Listen != ":6001" || got.Log.Level != "info" {
				t.Errorf("got %+v", got)
			}
			if name == "numbers as names" && (got.Apps[0].ID != "0123" || got.Apps[0].Key != "1e3") {
				t.Errorf("the text of a number changed: %+v", got.Apps[0])
			}
			if name == "anchor" && got.Apps[1].Limits.MaxSubscriptions != 5 {
				t.Errorf("alias not followed: %+v", got.Apps[1].Limits)
			}
		})
	}
}

func TestRegistry_CarriesEverySettingOfAnApp(t *testing.T) {
	c, err := Load(write(t, `
apps:
  - id: chat
    key: new
    secret: newer
    keys: [{key: old, secret: older}]
    enabled: false
    client_events: false
    subscription_count: true
    watchlist: false
    require_tls: true
    require_authorization: true
    authorization_timeout: 7s
    allowed_origins: ["*.example"]
    activity_timeout: 8s
    pong_timeout: 9s
    cache_ttl: 10s
    limits: {max_connections: 11}
`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	reg, err := c.Registry()
	if err != nil {
		t.Fatal(err)
	}
	app, ok := reg.ByKey("old")
	if !ok || app.ID != "chat" || app.Enabled || app.ClientEvents || !app.SubscriptionCount || app.Watchlist || !app.RequireTLS ||
		!app.RequireAuthorization || app.AuthorizationTimeout != 7*time.Second || app.AllowedOrigins[0] != "*.example" ||
		app.ActivityTimeout != 8*time.Second || app.PongTimeout != 9*time.Second || app.CacheTTL != 10*time.Second ||
		app.Limits.MaxConnections != 11 || app.Limits.MaxEventBytes != 10240 || app.Keys[0].Key != "new" {
		t.Errorf("got %+v", app)
	}
}

func TestLoad_FileThatCannotBeRead(t *testing.T) {
	for name, file := range map[string]string{
		"absent":        filepath.Join(t.TempDir(), "none.yaml"),
		"not YAML":      write(t, "listen: [\n"),
		"two documents": write(t, minimal+"---\n"+minimal),
	} {
		if _, err := Load(file, nil, nil); err == nil || !strings.Contains(err.Error(), filepath.Base(file)) {
			t.Errorf("%s: error %v does not name the file", name, err)
		}
	}
}

func TestLoad_EmptyFile_WantsAnApp(t *testing.T) {
	_, err := Load(write(t, "# nothing\n"), nil, nil)
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].Key != "apps" {
		t.Errorf("got %v, want a problem with apps", err)
	}
}

func TestAppList_TimesOfTheServerCountWhereAnAppNamesNone(t *testing.T) {
	cfg, err := Load(write(t, `
sockets: {activity_timeout: 60s, pong_timeout: 9s}
apps:
  - {id: a, key: ka, secret: s}
  - {id: b, key: kb, secret: s, activity_timeout: 25s}
  - {id: c, key: kc, secret: s, pong_timeout: 5s}
`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]time.Duration{{60 * time.Second, 9 * time.Second}, {25 * time.Second, 9 * time.Second}, {60 * time.Second, 5 * time.Second}}
	for i, app := range cfg.AppList() {
		if got := [2]time.Duration{app.ActivityTimeout, app.PongTimeout}; got != want[i] {
			t.Errorf("app %s: %v, want %v", app.ID, got, want[i])
		}
	}
}

func TestLoad_OriginsOfEveryForm(t *testing.T) {
	want := []string{"*", "null", "file://", "chat.example", "chat.example:443", "https://chat.example:443", "*.wild.example", "http://*.example:3000", "[::1]:3000", "capacitor://localhost"}
	c := load(t, app(`allowed_origins: ["`+strings.Join(want, `", "`)+`"]`))
	if diff := cmp.Diff(want, c.Apps[0].AllowedOrigins); diff != "" {
		t.Error(diff)
	}
}

// Each of the keys once was compared with every other: 8,000 apps took a minute.
func TestLoad_ManyApps_TakeTimeInProportion(t *testing.T) {
	const apps = 20_000
	var b strings.Builder
	b.WriteString("apps:\n")
	for i := range apps {
		fmt.Fprintf(&b, "  - {id: app%d, key: key%d, secret: secret-of-app-%d}\n", i, i, i)
	}
	file := filepath.Join(t.TempDir(), "many.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	cfg, err := Load(file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); len(cfg.Apps) != apps || took > time.Minute {
		t.Errorf("%d apps were read in %s", len(cfg.Apps), took)
	}
}
