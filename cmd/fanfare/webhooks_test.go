package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/config"
	"fanfare/pusherproto"
	"fanfare/webhooks"
)

// notes is an output that may be read while it is written.
type notes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.Write(b)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.String()
}

// receive starts a receiver as `fanfare webhooks listen` runs it.
func receive(t *testing.T, r *receiver) (url string, out *notes) {
	t.Helper()
	out = &notes{}
	r.out = out
	if r.secrets == nil {
		r.secrets = map[string]string{"app-key": config.DefaultSecret}
	}
	if r.status == 0 {
		r.status = http.StatusOK
	}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return s.URL + "/hooks", out
}

func withHook(url string) func(*config.Config) {
	return func(c *config.Config) { c.Apps[0].Webhooks = []config.Webhook{{URL: url}} }
}

func TestServe_Webhooks_ReachTheListener_LastOnesWhileDraining(t *testing.T) {
	url, out := receive(t, &receiver{})
	r := start(t, withHook(url))
	c := r.connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"my-channel"}}`)
	c.expect("subscription_succeeded")
	eventually(t, "channel_occupied is printed", func() bool { return strings.Contains(out.String(), ` channel_occupied channel="my-channel"`) })

	_, metrics := r.addresses()
	eventually(t, "it is counted", func() bool {
		_, body := get(t, "http://"+metrics+"/metrics")
		return strings.Contains(body, `fanfare_webhook_events_sent_total{app="app-id",endpoint="0"} 1`) &&
			strings.Contains(body, `fanfare_webhook_events_queued{app="app-id",endpoint="0"} 0`)
	})
	r.stop()
	c.closed()
	if err := r.ended(t); err != nil {
		t.Fatal(err)
	}
	// The grace of three seconds is cut short: nobody comes back to this process.
	if !strings.Contains(out.String(), ` channel_vacated channel="my-channel"`) {
		t.Errorf("the drain did not tell of channel_vacated:\n%s", out)
	}
}

func TestListen_PrintsWhatAServerSends(t *testing.T) {
	l := inBackground(t, "webhooks", "listen", "--listen", "127.0.0.1:0", "--key", "app-key", "--secret", config.DefaultSecret)
	l.waitFor("waiting for webhooks on http://127.0.0.1:")
	url := strings.TrimPrefix(strings.TrimSpace(l.out.String()), "waiting for webhooks on ")
	r := start(t, withHook(url+"/hooks"))
	c := r.connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"my-channel"}}`)
	c.expect("subscription_succeeded")
	l.waitFor(` channel_occupied channel="my-channel"`)
	r.stop()
	c.closed()
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
	if err := l.end(); err != nil {
		t.Error(err)
	}
}

func TestServe_UndeliveredWebhooks_AreSentAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hooks.db")
	stored := func(url string) func(*config.Config) {
		return func(c *config.Config) {
			withHook(url)(c)
			c.Webhooks.Store = file
		}
	}
	down := httptest.NewServer(http.NotFoundHandler())
	url := down.URL
	r := start(t, stored(url))
	c := r.connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"my-channel"}}`)
	c.expect("subscription_succeeded")
	r.stop()
	c.closed()
	if err := r.ended(t); err != nil { // what the store keeps is not waited for
		t.Fatal(err)
	}
	down.Close()

	out := &notes{}
	again := &http.Server{Addr: strings.TrimPrefix(url, "http://"), ReadHeaderTimeout: patience, Handler: &receiver{
		out: out, status: http.StatusOK, secrets: map[string]string{"app-key": config.DefaultSecret},
	}}
	go func() { _ = again.ListenAndServe() }()
	t.Cleanup(func() { _ = again.Close() })
	r = start(t, stored(url))
	eventually(t, "both events of the first run are printed", func() bool {
		return strings.Contains(out.String(), " channel_occupied ") && strings.Contains(out.String(), " channel_vacated ")
	})
	r.stop()
	if err := r.ended(t); err != nil {
		t.Fatal(err)
	}
}

func TestServe_WebhookStoreInUse_IsAnError(t *testing.T) {
	cfg := config.Defaults()
	withHook("http://127.0.0.1:1")(&cfg)
	cfg.Webhooks.Store = t.TempDir() // not a file
	if _, err := newServer(&cfg, nil); err == nil || !strings.Contains(err.Error(), "store of webhooks") {
		t.Errorf("error %v", err)
	}
}

func TestListen_RefusesWhatItCannotBelieve(t *testing.T) {
	url, out := receive(t, &receiver{})
	const body = `{"time_ms":1,"events":[]}`
	good := pusherproto.SignWebhook(config.DefaultSecret, []byte(body))
	for _, c := range []struct {
		name, contentType, key, signature string
		status                            int
	}{
		{"as signed", "application/json", "app-key", good, 200},
		{"another key", "application/json", "other", good, 401},
		{"another secret", "application/json", "app-key", pusherproto.SignWebhook("x", []byte(body)), 401},
		{"no signature", "application/json", "app-key", "", 401},
		{"a charset", "application/json; charset=utf-8", "app-key", good, 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", c.contentType)
			req.Header.Set("X-Pusher-Key", c.key)
			req.Header.Set("X-Pusher-Signature", c.signature)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != c.status {
				t.Errorf("status %d, want %d\n%s", res.StatusCode, c.status, out)
			}
		})
	}
}

func TestListen_BelievesTheKeysThatServeFinds(t *testing.T) {
	t.Setenv(config.FileVariable, writeFile(t, "apps:\n  - {id: chat, key: k, secret: s, keys: [{key: newer, secret: n}]}\n"))
	t.Setenv("FANFARE_APPS_0_SECRET", "from-the-environment")
	read, err := receiverSecrets("", "", "")
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"k": "from-the-environment", "newer": "n"}, secrets); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Apps of a database come while it listens.
func TestListen_BelievesTheKeysOfTheStore(t *testing.T) {
	file := storeFile(t, "")
	mustApps(t, file, "create", "--id", "one", "--key", "one-key", "--secret", "s1")
	read, err := receiverSecrets("", "", file)
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := read()
	if diff := cmp.Diff(map[string]string{"one-key": "s1"}, secrets); diff != "" || err != nil {
		t.Fatalf("%v (-want +got)\n%s", err, diff)
	}
	url, out := receive(t, &receiver{secrets: secrets, read: read})
	mustApps(t, file, "create", "--id", "two", "--key", "two-key", "--secret", "s2")
	body := `{"time_ms":1,"events":[{"name":"channel_occupied","channel":"a"}]}`
	for _, k := range [][2]string{{"one-key", "s1"}, {"two-key", "s2"}} {
		req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Pusher-Key", k[0])
		req.Header.Set("X-Pusher-Signature", pusherproto.SignWebhook(k[1], []byte(body)))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d\n%s", k[0], res.StatusCode, out)
		}
	}
}

func TestListen_FailsAsAsked_ThenAccepts(t *testing.T) {
	url, out := receive(t, &receiver{status: 503, fail: 1, delay: time.Millisecond})
	r := start(t, withHook(url))
	c := r.connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"my-channel"}}`)
	eventually(t, "the event is printed twice", func() bool {
		return strings.Count(out.String(), " channel_occupied ") == 2
	})
	if n := strings.Count(out.String(), "(answered 503)"); n != 1 {
		t.Errorf("%d requests were answered 503, want 1:\n%s", n, out)
	}
	r.stop()
	c.closed()
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
}

// The configuration names the events by itself, as it knows nothing of webhooks.
func TestWebhookEvents_ConfigurationKnowsThemAll(t *testing.T) {
	field, _ := reflect.TypeFor[config.Webhook]().FieldByName("Events")
	if known := strings.Fields(field.Tag.Get("oneof")); !slices.Equal(known, webhooks.EventNames()) {
		t.Errorf("config knows %q, webhooks sends %q", known, webhooks.EventNames())
	}
}
