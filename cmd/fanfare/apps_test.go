package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"fanfare/appstore"
	"fanfare/config"
)

// storeFile is a configuration with a store of its own, whose tables are made.
func storeFile(t *testing.T, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := "store: {kind: sqlite, dsn: " + filepath.Join(filepath.Dir(file), "apps.db") + ", poll_interval: 50ms}\n" + more
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	mustApps(t, file, "migrate")
	return file
}

func mustApps(t *testing.T, file string, args ...string) string {
	t.Helper()
	out, err := execute(t, append(append([]string{"apps"}, args...), "--config", file)...)
	if err != nil {
		t.Fatalf("apps %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// A server follows what the commands do, and sockets of other apps stay open.
func TestApps_ARunningServerFollowsTheStore(t *testing.T) {
	file := storeFile(t, "")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mustApps(t, file, "create", "--id", "app-id", "--key", "app-key", "--secret", "shhh")
	r := serveFile(t, string(text))
	c := connect(t, r.base)
	mustApps(t, file, "update", "app-id", "--set", "limits.max_connections=1")
	eventually(t, "the limit counts", func() bool { return reached(t, r, "app-key") == 4004 })
	mustApps(t, file, "create", "--id", "two", "--key", "two-key", "--secret", "two-secret")
	eventually(t, "the new app is there", func() bool { return reached(t, r, "two-key") == 0 })

	// A reload and the store do not undo each other.
	r.mustReload(string(text)+"log: {level: debug}\n", "log.level")
	if code := reached(t, r, "two-key"); code != 0 {
		t.Errorf("after a reload the app of the store is refused with %d", code)
	}
	mustApps(t, file, "disable", "two")
	eventually(t, "the app is disabled", func() bool { return reached(t, r, "two-key") == 4003 })
	mustApps(t, file, "delete", "two")
	eventually(t, "the app is gone", func() bool { return reached(t, r, "two-key") == 4001 })
	c.send(`{"event":"pusher:ping","data":{}}`)
	c.expect("pusher:pong")
	r.wantMetrics("fanfare_app_store_up 1", "fanfare_app_store_apps 1", "fanfare_app_store_unreadable_apps 0")
}

// reached is the code that a client of an app is closed with, 0 if it is let in.
func reached(t *testing.T, r *reloadable, key string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, early, _, err := ws.Dial(ctx, strings.Replace(r.base, "http", "ws", 1)+"/app/"+key+"?protocol=7")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	in := io.Reader(conn)
	if early != nil {
		in = io.MultiReader(early, conn)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := &client{t: t, conn: conn, rw: struct {
		io.Reader
		io.Writer
	}{in, conn}}
	text, err := wsutil.ReadServerText(c.rw)
	if err == nil && strings.Contains(string(text), "pusher:connection_established") {
		return 0
	}
	if err == nil {
		return int(c.closed())
	}
	var closed wsutil.ClosedError
	if !errors.As(err, &closed) {
		t.Fatal(err)
	}
	return int(closed.Code)
}

func TestApps_CommandsTellWhatIsWrong(t *testing.T) {
	file := storeFile(t, "")
	mustApps(t, file, "create", "--id", "shop", "--key", "k", "--secret", "s")
	for _, tc := range []struct {
		args string
		code int
		want string
	}{
		{"create --id shop", exitRefused, "already"},
		{"create --key k --secret x", exitRefused, `"k" is already a key of app shop`},
		{"create --set limits.max_event_bytes=0", exitRefused, "limits.max_event_bytes"},
		{"create --set nonsense=1", exitRefused, "unknown key"},
		{"create --set nonsense", exitMisused, "KEY=VALUE"},
		{"create --set webhooks=[{\"url\":\"http://127.0.0.1/\"}]", exitRefused, "is not a public address"},
		{"show none", exitRefused, "there is no such app"},
		{"update shop", exitMisused, "nothing is to be changed"},
		{"update shop --version 7 --name x", exitRefused, "its version is 1, not 7"},
		{"rotate shop --retire k", exitRefused, "no other key"},
		{"rotate shop --retire none", exitRefused, "no such key"},
		{"rotate shop --retire=", exitMisused, "--retire names no key"},
		{"update shop --set id=other", exitRefused, "id: cannot be changed"},
		{"import --from nobody", exitMisused, "--from"},
	} {
		_, err := execute(t, append(append([]string{"apps"}, strings.Fields(tc.args)...), "--config", file)...)
		if err == nil || !strings.Contains(err.Error(), tc.want) || exitCode(err) != tc.code {
			t.Errorf("apps %s: %v (exit %d), want … %s (exit %d)", tc.args, err, exitCode(err), tc.want, tc.code)
		}
	}
	if _, err := execute(t, "apps", "list", "--config", writeFile(t, oneApp+"}\n")); exitCode(err) != exitMisused || !strings.Contains(err.Error(), "store.kind") {
		t.Errorf("without a store: %v", err)
	}
}

func TestApps_ImportTakesEachSource(t *testing.T) {
	dir := t.TempDir()
	sources := map[string]string{
		"fanfare.yaml": "apps:\n  - {id: f, key: fk, secret: fs, limits: {max_connections: 9}}\n",
		"soketi.json":  `{"appManager.array.apps":[{"id":"s","key":"sk","secret":"ss","maxConnections":7}]}`,
		"soketi.env":   "SOKETI_DEFAULT_APP_ID=se\nSOKETI_DEFAULT_APP_KEY=sek\nSOKETI_DEFAULT_APP_SECRET=ses\n",
		"reverb.php":   "<?php\nreturn ['apps' => ['provider' => 'config', 'apps' => [['key' => 'pk', 'secret' => 'ps', 'app_id' => 'p', 'max_connections' => 4]]]];\n",
		"reverb.env":   "REVERB_APP_ID=r\nREVERB_APP_KEY=rk\nREVERB_APP_SECRET=rs\n",
	}
	file := storeFile(t, "")
	for name, text := range sources {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := mustApps(t, file, "import", path); !strings.Contains(out, "apps created: 1") {
			t.Errorf("%s: %s", name, out)
		}
	}
	for id, secret := range map[string]string{"f": "fs", "s": "ss", "se": "ses", "r": "rs", "p": "ps"} {
		var app struct {
			Secret string
			Limits map[string]any
		}
		if err := json.Unmarshal([]byte(mustApps(t, file, "show", id, "--json", "--secrets")), &app); err != nil {
			t.Fatal(err)
		}
		if app.Secret != secret {
			t.Errorf("app %s has the secret %q", id, app.Secret)
		}
		if id == "s" && app.Limits["max_connections"] != 7.0 {
			t.Errorf("limits of soketi's app: %v", app.Limits)
		}
	}
	if out := mustApps(t, file, "import", filepath.Join(dir, "fanfare.yaml"), "--replace"); !strings.Contains(out, "replaced: 1") {
		t.Error(out)
	}
	if shown := mustApps(t, file, "show", "f"); strings.Contains(shown, `"fs"`) {
		t.Errorf("the secret is shown:\n%s", shown)
	}
}

// Thousands of apps are some changes of the store, and not thousands. What is wrong
// with one is told of it.
func TestApps_ImportOfMany(t *testing.T) {
	file, many := storeFile(t, ""), &strings.Builder{}
	many.WriteString("apps:\n")
	for i := range 2*importedAtOnce + 1 {
		fmt.Fprintf(many, "  - {id: a%d, key: k%d, secret: s}\n", i, i)
	}
	if out := mustApps(t, file, "import", writeFile(t, many.String())); !strings.Contains(out, "apps created: 401,") {
		t.Error(out)
	}
	cfg, err := config.Load(file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if c, err := s.Changes(t.Context(), -1); err != nil || c.Sequence != 3 || len(c.Apps) != 401 {
		t.Errorf("%d changes, %d apps, %v", c.Sequence, len(c.Apps), err)
	}
	taken := writeFile(t, "apps:\n  - {id: new, key: new, secret: s}\n  - {id: other, key: k1, secret: s}\n")
	if _, err := execute(t, "apps", "import", taken, "--config", file); exitCode(err) != exitRefused || !strings.Contains(err.Error(), `app other: "k1" is already a key of app a1`) {
		t.Errorf("a key that is taken: %v", err)
	}
	if _, err := s.Get(t.Context(), "new"); !errors.Is(err, appstore.ErrNotFound) {
		t.Errorf("what is imported together with a mistake: %v", err)
	}
	private := writeFile(t, "apps:\n  - {id: other, key: o, secret: s, webhooks: [{url: 'http://10.0.0.1/'}]}\n")
	if _, err := execute(t, "apps", "import", private, "--config", file); exitCode(err) != exitRefused || !strings.Contains(err.Error(), "app other: webhooks") {
		t.Errorf("a webhook to a private address: %v", err)
	}
}

// An app gets a second key, loses the first, is kept out and let in again.
func TestApps_KeysAreRotated(t *testing.T) {
	file := storeFile(t, "")
	mustApps(t, file, "create", "--id", "shop", "--key", "first", "--secret", "s")
	var made struct{ Key, Secret string }
	if err := json.Unmarshal([]byte(mustApps(t, file, "rotate", "shop", "--json")), &made); err != nil || made.Key == "" || len(made.Secret) < 16 {
		t.Fatalf("rotate: %+v, %v", made, err)
	}
	if shown := mustApps(t, file, "show", "shop", "--json", "--secrets"); !strings.Contains(shown, made.Secret) || !strings.Contains(shown, `"first"`) {
		t.Errorf("after the rotation:\n%s", shown)
	}
	mustApps(t, file, "rotate", "shop", "--retire", "first")
	mustApps(t, file, "disable", "shop")
	if shown := mustApps(t, file, "show", "shop", "--json"); strings.Contains(shown, `"first"`) || !strings.Contains(shown, `"enabled":false`) {
		t.Errorf("after the first key was retired and the app disabled:\n%s", shown)
	}
	mustApps(t, file, "enable", "shop")
	if shown := mustApps(t, file, "show", "shop", "--json"); !strings.Contains(shown, `"enabled":true`) {
		t.Errorf("after it was enabled:\n%s", shown)
	}
}

// Secrets are encrypted with the key that is configured now, and the key before it
// is needed until then.
func TestApps_EncryptionIsRotated(t *testing.T) {
	keys := [2]string{strings.Repeat("0a", 32), strings.Repeat("0b", 32)}
	file := storeFile(t, "")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	with := func(more string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), "}\n", ", "+more+"}\n", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustApps(t, file, "create", "--id", "shop", "--key", "k", "--secret", "hunter2-hunter2")
	with(`encryption_key: "` + keys[0] + `"`)
	if out := mustApps(t, file, "rotate-encryption"); !strings.Contains(out, "1") {
		t.Errorf("the first time: %s", out)
	}
	with(`encryption_key: "` + keys[1] + `", old_encryption_keys: ["` + keys[0] + `"]`)
	mustApps(t, file, "rotate-encryption")
	with(`encryption_key: "` + keys[1] + `"`)
	if shown := mustApps(t, file, "show", "shop", "--secrets"); !strings.Contains(shown, "hunter2-hunter2") {
		t.Errorf("with the new key alone:\n%s", shown)
	}
	with(`encryption_key: "` + keys[0] + `"`)
	if out, err := execute(t, "apps", "show", "shop", "--config", file); err == nil || !strings.Contains(err.Error(), "encrypt") {
		t.Errorf("with the old key: %s, %v", out, err)
	}
}

// Endpoints come and go with the apps of the store. That of an app that is gone
// hears who left with it, whatever else changes meanwhile.
func TestApps_WebhooksFollowTheStore(t *testing.T) {
	hooks := make(chan string, 100)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hooks <- r.URL.Path + string(body)
	}))
	defer endpoint.Close()
	wants := func(parts ...string) {
		t.Helper()
		select {
		case h := <-hooks:
			for _, part := range parts {
				if !strings.Contains(h, part) {
					t.Errorf("got %s, want %s", h, part)
				}
			}
		case <-time.After(patience):
			t.Fatalf("in vain: %v", parts)
		}
	}
	file := storeFile(t, "")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(string(text), "}\n", ", private_webhooks: true}\n", 1)
	mustApps(t, file, "create", "--id", "first", "--key", "first-key", "--secret", "s")
	r := serveFile(t, with)
	mustApps(t, r.file, "create", "--id", "app-id", "--key", "app-key", "--secret", "shhh", "--data", `{"webhooks":[{"url":"`+endpoint.URL+`/one"}]}`)
	eventually(t, "the app is there", func() bool { return reached(t, r, "app-key") == 0 })
	c := connect(t, r.base)
	subscribe := func(channel string) {
		t.Helper()
		c.send(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`)
		c.expect("subscription_succeeded")
	}
	subscribe("a")
	wants("/one", "channel_occupied", `"a"`)
	mustApps(t, r.file, "disable", "first")
	eventually(t, "another app has changed", func() bool { return reached(t, r, "first-key") == 4003 })
	subscribe("b")
	wants("/one", "channel_occupied", `"b"`)
	c.send(`{"event":"pusher:unsubscribe","data":{"channel":"b"}}`)
	wants("channel_vacated", `"b"`)
	mustApps(t, r.file, "delete", "app-id")
	c.closed()
	mustApps(t, r.file, "enable", "first")
	eventually(t, "another app has changed once more", func() bool { return reached(t, r, "first-key") == 0 })
	wants("channel_vacated", `"a"`)
}

// Commands that act for an app take it from the store, also while the file still
// has the list of before.
func TestChooseApp_OfTheStore(t *testing.T) {
	file := storeFile(t, "apps:\n  - {id: both, key: old, secret: s}\n  - {id: of-the-file, key: k, secret: s}\n")
	mustApps(t, file, "create", "--id", "both", "--key", "new", "--secret", "s")
	mustApps(t, file, "create", "--id", "stored", "--key", "stored-key", "--secret", "s")
	cfg, err := config.Load(file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for id, key := range map[string]string{"both": "new", "stored": "stored-key", "of-the-file": "k"} {
		if app, err := chooseApp(cfg, id); err != nil || app.Key != key {
			t.Errorf("%s: key %q, %v", id, app.Key, err)
		}
	}
	if _, err := chooseApp(cfg, "none"); exitCode(err) != exitMisused {
		t.Errorf("none: %v", err)
	}
}
