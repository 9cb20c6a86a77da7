package main

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"fanfare/config"
)

// The greeting's promise: its curl line works as printed.
func TestGreeting_CurlLineIsAccepted(t *testing.T) {
	r := start(t, nil)
	c := r.connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"my-channel"}}`)
	c.expect("subscription_succeeded")

	var out bytes.Buffer
	if err := greet(&out, r.cfg, r.at, "", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`curl -H '(.*): (.*)' -d '(.*)' '(.*)'`).FindStringSubmatch(out.String())
	if line == nil {
		t.Fatalf("no curl line:\n%s", out.String())
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, line[4], strings.NewReader(line[3]))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(line[1], line[2])
	res, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d of %s", res.StatusCode, line[0])
	}
	c.expect(`"data":"{\"message\":\"hello\"}"`)
	_ = c.conn.Close() // the drain waits for no answer of it
	r.stop()
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
}

// A signature is as good as the secret for ten minutes.
func TestGreeting_OfAConfiguredApp_HoldsNeitherSecretNorSignature(t *testing.T) {
	for name, change := range map[string]func(*config.App){
		"id":     func(a *config.App) { a.ID = "shop" },
		"key":    func(a *config.App) { a.Key = "shop-key" },
		"secret": func(a *config.App) { a.Secret = "hunter2" },
	} {
		cfg := config.Defaults()
		cfg.DemoApp = false // as Load tells, when anything names an app
		change(&cfg.Apps[0])
		var out bytes.Buffer
		if err := greet(&out, &cfg, reach(&cfg, ":6001"), "", "", time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); strings.Contains(text, "hunter2") || strings.Contains(text, "signature") || !strings.Contains(text, " trigger --channel") {
			t.Errorf("another %s: %s", name, text)
		}
	}
}

// The greeting's promise: its trigger line finds the server from any shell,
// whatever told serve where to be.
func TestGreeting_RepeatsWhatServeWasTold(t *testing.T) {
	var env []string
	for _, f := range finding {
		for _, name := range f.variables {
			value := "my-" + f.flag
			if f.flag == "listen" {
				value = ":7001"
			}
			env = append(env, name+"="+value)
		}
	}
	cfg, err := config.Load("", nil, env)
	if err != nil || len(cfg.Warnings) > 0 {
		t.Errorf("the variables set no keys: %v, %v", cfg, err)
	}
	cmd := newServeCommand()
	if err := cmd.ParseFlags([]string{"--app-key=by-flag", "--log-level=warn"}); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"FANFARE_CONFIG": "my file.yaml", "FANFARE_LISTEN": ":7001", "FANFARE_APP_KEY": "by-variable",
		"FANFARE_APP_ID": "wins", "FANFARE_APPS_0_ID": "loses", "FANFARE_APPS_0_SECRET": "hunter2",
	} {
		t.Setenv(name, value)
	}
	const want = ` --config='my file.yaml' --listen=:7001 --app-id=wins --app-key=by-flag --app-secret="$FANFARE_APPS_0_SECRET"`
	if got := repeatFlags(cmd.Flags()); got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
}

// A secret in a file of its own is read from there again, and not shown.
func TestGreeting_RepeatsFilesOfValues(t *testing.T) {
	t.Setenv("FANFARE_APP_ID_FILE", "/run/secrets/id")
	t.Setenv("FANFARE_APP_SECRET_FILE", "/run/my secrets/app")
	const want = ` --app-id="$(cat /run/secrets/id)" --app-secret="$(cat '/run/my secrets/app')"`
	if got := repeatFlags(newServeCommand().Flags()); got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
}
