package foreign

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/config"
)

func read(t *testing.T, in Input) *Result {
	t.Helper()
	r, err := Read(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// load is what serve makes of a result.
func load(t *testing.T, r *Result) *config.Config {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, r.Text, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(name, nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Text)
	}
	return c
}

func sample(t *testing.T, name string) File {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return File{name, string(text)}
}

// wantComments checks that the file has comments with the words, and no secret.
func wantComments(t *testing.T, r *Result, words ...string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(string(r.Text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "#"); ok {
			lines = append(lines, strings.TrimSpace(rest))
		}
	}
	comments := strings.Join(lines, " ")
	for _, w := range words {
		if !strings.Contains(comments, w) {
			t.Errorf("no comment says %q:\n%s", w, r.Text)
		}
	}
	for _, secret := range []string{"hush"} {
		if strings.Contains(comments, secret) {
			t.Errorf("a comment holds a secret:\n%s", r.Text)
		}
	}
}

// The variables that reverb:install writes, and nothing else.
const installed = `
APP_NAME=Laravel
BROADCAST_CONNECTION=reverb

REVERB_APP_ID=740221
REVERB_APP_KEY=qwertzuiopasdfghjkly
REVERB_APP_SECRET=yxcvbnmasdfghjklqwer
REVERB_HOST="localhost"
REVERB_PORT=8080
REVERB_SCHEME=http

VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"
VITE_REVERB_HOST="${REVERB_HOST}"
`

func TestRead_ReverbByItsVariables(t *testing.T) {
	r := read(t, Input{Files: []File{{".env", installed}}})
	if diff := cmp.Diff(&Result{Text: r.Text, Servers: []string{"Reverb"}, Apps: 1}, r); diff != "" {
		t.Errorf("%s\n%s", diff, r.Text)
	}
	c := load(t, r)
	if c.Listen != ":8080" || c.Cluster.Driver != "memory" || len(c.Warnings) > 0 {
		t.Errorf("listen %s, cluster %s, warnings %q", c.Listen, c.Cluster.Driver, c.Warnings)
	}
	a := c.Apps[0]
	if a.ID != "740221" || a.Key != "qwertzuiopasdfghjkly" || a.Secret != "yxcvbnmasdfghjklqwer" {
		t.Errorf("app %+v", a)
	}
	// What Reverb let through goes through still.
	l := a.Limits
	if !a.ClientEvents || l.ClientEventsPerSecond != 0 || l.MaxPresenceMembers != 0 || l.MaxUserInfoBytes != 10_000 || l.MaxEventBytes < 10_000 || l.MaxConnections != 0 {
		t.Errorf("limits %+v", l)
	}
	wantComments(t, r, "They stay in .env.")
}

func TestRead_ReverbByMoreVariables(t *testing.T) {
	r := read(t, Input{Files: []File{{".env", installed + `
REVERB_SERVER_HOST=127.0.0.1
REVERB_SERVER_PORT=9000
REVERB_SERVER_PATH=realtime/
REVERB_MAX_REQUEST_SIZE=200000
REVERB_SCALING_ENABLED=true
REVERB_SCALING_CHANNEL=shop
REDIS_URL=rediss://ann:redis-hush@redis.example:6380/2
REVERB_APP_MAX_CONNECTIONS=300
REVERB_APP_PING_INTERVAL=20
REVERB_APP_RATE_LIMITING_ENABLED=true
REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM=all
REVERB_PULSE_INGEST_INTERVAL=5
`}}})
	c := load(t, r)
	want := config.Redis{
		Addresses: []string{"redis.example:6380"}, Prefix: "shop", Username: "ann", Password: "redis-hush", Database: 2,
		TLS: config.RedisTLS{Enabled: true},
	}
	if diff := cmp.Diff(want, c.Cluster.Redis); diff != "" || c.Cluster.Driver != "redis" {
		t.Errorf("%s: %s", c.Cluster.Driver, diff)
	}
	if c.Listen != "127.0.0.1:9000" || c.PathPrefix != "/realtime" {
		t.Errorf("%s%s", c.Listen, c.PathPrefix)
	}
	a := c.Apps[0]
	if l := a.Limits; l.MaxConnections != 300 || l.MaxEventBytes != 200_000 || l.ClientEventsPerSecond != 1 || !a.ClientEvents {
		t.Errorf("%+v", a)
	}
	wantComments(t, r, "REVERB_APP_PING_INTERVAL is not carried over", "REVERB_PULSE_INGEST_INTERVAL is not carried over", "Needs Redis 7", "Reverb let clients send to public channels")
	if r.Lost != 2 {
		t.Errorf("%d are lost:\n%s", r.Lost, r.Text)
	}
}

func TestRead_ReverbByItsFile(t *testing.T) {
	env := File{".env", "REVERB_APP_ID=1\nREVERB_APP_KEY=first-key\nREVERB_APP_SECRET='first secret'\nREVERB_ORIGINS=https://a.example,b.example\n"}
	r := read(t, Input{Files: []File{sample(t, "reverb.php"), env}})
	c := load(t, r)
	if c.Listen != ":8080" || c.TLS.CertFile != "/etc/ssl/ws.pem" || c.TLS.KeyFile != "/etc/ssl/ws.key" || c.Cluster.Driver != "memory" {
		t.Errorf("%s %+v %s", c.Listen, c.TLS, c.Cluster.Driver)
	}
	a, b := c.Apps[0], c.Apps[1]
	if a.Secret != "first secret" || a.ClientEvents || a.ActivityTimeout != 45*time.Second || a.Limits.MaxEventBytes != 50_000 ||
		!slices.Equal(a.AllowedOrigins, []string{"https://a.example", "b.example"}) {
		t.Errorf("%+v", a)
	}
	if b.ID != "2" || !b.ClientEvents || b.Limits.MaxConnections != 500 || b.Limits.ClientEventsPerSecond != 2 ||
		!slices.Equal(b.AllowedOrigins, []string{"laravel.example", "*.laravel.example"}) {
		t.Errorf("%+v", b)
	}
	wantComments(t, r,
		"apps.apps.0.ping_interval is not carried over", "apps.apps.0.name is not carried over: PHP computes it",
		"allowed_origins lara* is not carried over", "terminate_on_limit is not carried over", "passphrase is not carried over", "servers.spare.host is not carried over")
	for _, quiet := range []string{"pulse_ingest", "apps.apps.1.ping_interval", "useTLS"} {
		if strings.Contains(string(r.Text), quiet) {
			t.Errorf("%s was never changed, and is told:\n%s", quiet, r.Text)
		}
	}
}

func TestRead_ReverbWithoutKeys_SaysSo(t *testing.T) {
	r := read(t, Input{Files: []File{sample(t, "reverb.php")}})
	wantComments(t, r, "apps.apps.0 is not carried over: it lacks app_id, key and secret")
	if r.Apps != 1 {
		t.Errorf("%d apps", r.Apps)
	}
}

func TestRead_SoketiByItsFile(t *testing.T) {
	r := read(t, Input{Files: []File{sample(t, "soketi.json")}})
	c := load(t, r)
	if c.Listen != ":6002" || c.PathPrefix != "/ws" || c.Metrics.Listen != ":9602" || c.Log.Level != "debug" ||
		c.TLS.CertFile != "/etc/ssl/a.pem" || c.TLS.KeyFile != "/etc/ssl/a.key" {
		t.Errorf("%s\n%+v", r.Text, c)
	}
	redis := config.Redis{Addresses: []string{"redis.internal:6379"}, Prefix: "shop", Password: "redis-hush", Database: 3}
	if diff := cmp.Diff(redis, c.Cluster.Redis); diff != "" {
		t.Error(diff)
	}
	a, b := c.Apps[0], c.Apps[1]
	l := a.Limits
	if a.ID != "shop" || !a.ClientEvents || !a.RequireAuthorization || a.AuthorizationTimeout != 10*time.Second || a.CacheTTL != time.Hour ||
		l.MaxConnections != 200 || l.EventsPerSecond != 0 || l.ClientEventsPerSecond != 30 || l.MaxPresenceMembers != 500 || l.MaxUserInfoBytes != 512 || l.MaxEventBytes != 65536 {
		t.Errorf("%+v", a)
	}
	hook := config.Webhook{
		URL: "https://shop.example/hooks", Events: []string{"channel_occupied", "client_event"}, Headers: map[string]string{"X-Token": "hook-hush"},
		Filter: config.WebhookFilter{ChannelPrefix: "private-", ChannelSuffix: "-x"}, Batch: config.WebhookBatch{Enabled: true, Interval: 250 * time.Millisecond},
	}
	if diff := cmp.Diff([]config.Webhook{hook}, a.Webhooks); diff != "" {
		t.Error(diff)
	}
	if b.ID != "17" || b.Key != "k17" || b.Enabled || b.ClientEvents || b.Limits.MaxPresenceMembers != 7 || len(b.Webhooks) != 1 || b.Webhooks[0].Events[0] != "cache_miss" {
		t.Errorf("%+v", b)
	}
	wantComments(t, r, "metrics.prometheus.prefix is not carried over", "queue.driver is not carried over", "ssl.passphrase is not carried over",
		"cors.origin.0 is not carried over", "maxReadRequestsPerSecond is not carried over", "lambda_function is not carried over", "the event nothing_known is not carried over")
}

func TestRead_SoketiByItsVariables(t *testing.T) {
	r := read(t, Input{Env: []string{
		"SOKETI_DEFAULT_APP_ID=0123", "SOKETI_DEFAULT_APP_KEY=12345678901234567890", "SOKETI_DEFAULT_APP_SECRET=s",
		"SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES=false", "SOKETI_PORT=7000", "SOKETI_HOST=127.0.0.1", "SOKETI_METRICS_ENABLED=0",
		`SOKETI_DEFAULT_APP_WEBHOOKS=[{"url":"https://a.example/","event_types":["member_added"]}]`, "SOKETI_DEBUGG=1", "HOME=/root",
	}})
	c := load(t, r)
	if a := c.Apps[0]; c.Listen != "127.0.0.1:7000" || c.Metrics.Listen != "" || a.ID != "0123" || a.Key != "12345678901234567890" || a.ClientEvents || a.Limits.MaxEventBytes != 102400 || a.Webhooks[0].Events[0] != "member_added" {
		t.Errorf("%+v\n%s", c, r.Text)
	}
	wantComments(t, r, "SOKETI_DEBUGG is not carried over")
}

// In fanfare's file ${NAME} stands for a variable; in what is imported it is what
// it says.
func TestRead_SecretThatLooksLikeAVariable_StaysAsItIs(t *testing.T) {
	r := read(t, Input{Files: []File{{".env", "REVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET='a${HOME}b'\n"}}})
	if got := load(t, r).Apps[0].Secret; got != "a${HOME}b" {
		t.Errorf("%q\n%s", got, r.Text)
	}
}

func TestRead_SoketiOnRedisOfEveryKind(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		want config.Redis
	}{
		"alone":     {nil, config.Redis{Addresses: []string{"127.0.0.1:6379"}}},
		"Sentinels": {[]string{`SOKETI_DB_REDIS_SENTINELS=[{"host":"s1","port":26379},{"host":"s2","port":26380}]`, "SOKETI_DB_REDIS_INSTANCE_NAME=main", "SOKETI_DB_REDIS_SENTINEL_PASSWORD=hunter2"}, config.Redis{Addresses: []string{"s1:26379", "s2:26380"}, SentinelMaster: "main", SentinelPass: "hunter2"}},
		"cluster":   {[]string{`SOKETI_DB_REDIS_CLUSTER_NODES=[{"host":"c1","port":7000}]`, "SOKETI_ADAPTER_REDIS_CLUSTER_MODE=true"}, config.Redis{Addresses: []string{"c1:7000"}}},
	} {
		c := load(t, read(t, Input{Env: append(tt.env, "SOKETI_ADAPTER_DRIVER=redis")}))
		tt.want.Prefix = "fanfare"
		if diff := cmp.Diff(tt.want, c.Cluster.Redis); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A variable of soketi is carried over or has a comment.
func TestRead_EverySoketiVariable_LeavesATrace(t *testing.T) {
	base := []string{"SOKETI_DEFAULT_APP_SECRET=s", "SOKETI_ADAPTER_DRIVER=redis", "SOKETI_DEFAULT_APP_USER_AUTHENTICATION=1", "SOKETI_WEBHOOKS_BATCHING=1", `SOKETI_DEFAULT_APP_WEBHOOKS=[{"url":"https://a.example/","event_types":["member_added"]}]`}
	before := string(read(t, Input{Env: base}).Text)
	for _, name := range slices.Sorted(maps.Keys(soketiVariables)) {
		value := "7"
		switch name {
		case "DEFAULT_APP_WEBHOOKS":
			value = "[]"
		case "DB_REDIS_SENTINELS":
			value = `[{"host":"a"}]`
		case "DB_REDIS_INSTANCE_NAME", "DB_REDIS_CLUSTER_NODES", "ADAPTER_REDIS_CLUSTER_MODE", "DEFAULT_APP_USER_AUTHENTICATION", "WEBHOOKS_BATCHING", "DEFAULT_APP_ENABLED", "DB_REDIS_USERNAME":
			continue // they go with others; TestRead_SoketiOnRedisOfEveryKind, or it is on already
		}
		after := string(read(t, Input{Env: append(slices.Clone(base), soketiPrefix+name+"="+value)}).Text)
		if after == before {
			t.Errorf("%s%s=%s leaves no trace in\n%s", soketiPrefix, name, value, after)
		}
	}
}

func TestRead_Pusher(t *testing.T) {
	type app struct{ id, key, secret string }
	for name, tt := range map[string]struct {
		file string
		id   string
		want []app
		keys int
	}{
		"an app":              {`{"app_id":"7","key":"k","secret":"s","cluster":"eu"}`, "", []app{{"7", "k", "s"}}, 0},
		"a number":            {`{"id":1234567,"key":"k","secret":"s"}`, "", []app{{"1234567", "k", "s"}}, 0},
		"several":             {`[{"appId":"7","key":"k","secret":"s"},{"appId":"8","key":"k8","secret":"s8"}]`, "", []app{{"7", "k", "s"}, {"8", "k8", "s8"}}, 0},
		"apps":                {`{"apps":[{"id":7,"name":"shop","cluster":"eu","tokens":[{"key":"k","secret":"s"},{"key":"k2","secret":"s2"}]}]}`, "", []app{{"7", "k", "s"}}, 1},
		"the tool's tokens":   {`[{"key":"k","secret":"s"},{"key":"k2","secret":"s2"}]`, "7", []app{{"7", "k", "s"}}, 1},
		"the dashboard":       {"app_id = \"7\"\nkey = \"k\"\nsecret = \"s\"\ncluster = \"eu\"\n", "", []app{{"7", "k", "s"}}, 0},
		"Laravel's .env":      {"PUSHER_APP_ID=7\nPUSHER_APP_KEY=k\nPUSHER_APP_SECRET=s\nPUSHER_HOST=\nPUSHER_APP_CLUSTER=mt1\n", "", []app{{"7", "k", "s"}}, 0},
		"Laravel says Pusher": {installed + "BROADCAST_CONNECTION=pusher\nPUSHER_APP_ID=7\nPUSHER_APP_KEY=k\nPUSHER_APP_SECRET=s\n", "", []app{{"7", "k", "s"}}, 0},
		"config/broadcasting": {"<?php return ['default' => 'pusher', 'connections' => ['log' => ['driver' => 'log'], 'pusher' => ['driver' => 'pusher', 'key' => 'k', 'secret' => 's', 'app_id' => 7, 'options' => ['cluster' => 'mt1']]]];", "", []app{{"7", "k", "s"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := read(t, Input{Files: []File{{"in", tt.file}}, ID: tt.id})
			c := load(t, r)
			var got []app
			for _, a := range c.Apps {
				got = append(got, app{a.ID, a.Key, a.Secret})
			}
			if !slices.Equal(got, tt.want) || len(c.Apps[0].Keys) != tt.keys || !slices.Equal(r.Servers, []string{"Pusher"}) {
				t.Errorf("%v, %d further keys, of %v:\n%s", got, len(c.Apps[0].Keys), r.Servers, r.Text)
			}
		})
	}
	r := read(t, Input{Files: []File{{"in", `{"app_id":"7","key":"k","secret":"s","cluster":"eu","secure":true}`}}})
	wantComments(t, r, "cluster is not carried over", "secure is not carried over")
}

// Laravel's .env has PUSHER_ variables for soketi: both mean the same app.
func TestRead_SoketiAndLaravelTogether_AreOneApp(t *testing.T) {
	r := read(t, Input{Files: []File{
		{".env", "PUSHER_APP_ID=app-1\nPUSHER_APP_KEY=k\nPUSHER_APP_SECRET=s\nPUSHER_HOST=127.0.0.1\nPUSHER_PORT=6001\n"},
		{"soketi.env", "SOKETI_DEFAULT_APP_ID=app-1\nSOKETI_DEFAULT_APP_KEY=k\nSOKETI_DEFAULT_APP_SECRET=s\n"},
	}})
	if c := load(t, r); len(c.Apps) != 1 || len(c.Apps[0].Keys) != 0 {
		t.Errorf("%s", r.Text)
	}
	only := read(t, Input{Files: []File{{".env", installed + "SOKETI_DEFAULT_APP_ID=app-1\n"}}, From: Soketi})
	if !slices.Equal(only.Servers, []string{"soketi"}) || only.Apps != 1 {
		t.Errorf("%v: %s", only.Servers, only.Text)
	}
}

func TestRead_Refusals(t *testing.T) {
	for name, tt := range map[string]struct {
		in   Input
		want string
	}{
		"nothing":      {Input{Env: []string{"HOME=/root"}}, "found no configuration of Reverb, soketi or Pusher: no"},
		"empty":        {Input{Files: []File{{"a", " \n"}}}, "a: is empty"},
		"no JSON":      {Input{Files: []File{{"a.json", "{\n\"secret\": hunter2}"}}}, "a.json: is not valid JSON (line 2)"},
		"other JSON":   {Input{Files: []File{{"a.json", `{"name":"package"}`}}}, "is not a configuration of Reverb or soketi"},
		"no variables": {Input{Files: []File{{".env", "A=1\nhunter2\n"}}}, ".env: line 2 is not NAME=value"},
		"open quote":   {Input{Files: []File{{".env", "A=\"hunter2\nB=1\n"}}}, ".env: line 1: the value of A has no closing quote"},
		"other PHP":    {Input{Files: []File{{"a.php", "<?php echo 'hunter2';"}}}, "a.php: does not return an array"},
		"open array":   {Input{Files: []File{{"a.php", "<?php return ['hunter2' => 1;"}}}, "a.php: line 1: an array is not closed"},
		"deep":         {Input{Files: []File{{"a.php", "<?php return " + strings.Repeat("[", 5000)}}}, "nested too deep"},
		"no id":        {Input{Files: []File{{"a.json", `[{"key":"k","secret":"hunter2"}]`}}}, "set it with --id"},
		"large":        {Input{Files: []File{{"a", strings.Repeat("#", MaxFile+1)}}}, "is larger than"},
	} {
		r, err := Read(tt.in)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, %+v; want %q", name, err, r, tt.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"reverb.php", "soketi.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, s := range []string{installed, `[{"key":"k","secret":"s"}]`, "<?php return [fn () => 1, 'a' => static fn() => [1], Foo::class => 2, 'b' => $x->y(1), ...$z];", "SOKETI_DEFAULT_APP_WEBHOOKS=[{}]", "<?php return ['apps' => ['apps' => [[], 5, 'x']]];"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := Read(Input{Files: []File{{"in", text}}, ID: "7"}); err == nil && len(r.Text) == 0 {
			t.Error("an empty file is made")
		}
	})
}
