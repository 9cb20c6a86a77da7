package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"fanfare/config"
	"fanfare/internal/logs"
)

// adminOf asks the admin API of a server, and decodes the answer.
func (r *running) adminOf(t *testing.T, method, path, body string, into any) (status int) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.admin.listener.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		q.Header.Set("Content-Type", "application/json")
	}
	q.Close = true
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v in %s", path, err, text)
		}
	}
	return res.StatusCode
}

func withAdmin(c *config.Config) { c.Admin.Listen = "127.0.0.1:0" }

// A client that subscribes is seen, gets an event, and is closed.
func TestAdmin_SeesAndActsOnWhatIsThere(t *testing.T) {
	r := start(t, withAdmin)
	c := r.connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"cache-news"}}`)
	c.expect("subscription_succeeded")
	c.expect("cache_miss")

	var sockets struct {
		Node    string
		Sockets []struct{ ID, Address, Transport string }
	}
	r.adminOf(t, "GET", "/api/v1/apps/app-id/sockets", "", &sockets)
	if len(sockets.Sockets) != 1 || sockets.Sockets[0].Address != "127.0.0.1" || sockets.Node == "" {
		t.Fatalf("got %+v", sockets)
	}
	id := sockets.Sockets[0].ID
	var one struct{ Channels []string }
	if r.adminOf(t, "GET", "/api/v1/apps/app-id/sockets/"+id, "", &one); len(one.Channels) != 1 || one.Channels[0] != "cache-news" {
		t.Errorf("got %+v", one)
	}
	if status := r.adminOf(t, "POST", "/api/v1/apps/app-id/events", `{"name":"e","data":{"a":"<b>"},"channels":["cache-news"]}`, nil); status != 200 {
		t.Errorf("send: %d", status)
	}
	c.expect(`{"event":"e","channel":"cache-news","data":"{\"a\":\"<b>\"}"}`)
	var channel struct {
		Subscriptions int
		Cached        struct{ Data string }
	}
	if r.adminOf(t, "GET", "/api/v1/apps/app-id/channels/cache-news", "", &channel); channel.Subscriptions != 1 || channel.Cached.Data != `{"a":"<b>"}` {
		t.Errorf("got %+v", channel)
	}
	var overview struct {
		Connections, Channels, APIEvents int
		Ready                            bool
	}
	if r.adminOf(t, "GET", "/api/v1/overview", "", &overview); overview.Connections != 1 || overview.Channels != 1 || !overview.Ready {
		t.Errorf("got %+v", overview)
	}
	for path, body := range map[string]string{
		"/api/v1/apps/app-id/events":                  `{"name":"e","data":1,"channels":["a b"]}`,
		"/api/v1/apps/app-id/users/a%20b/terminate":   `{}`,
		"/api/v1/apps/app-id/sockets/close?x":         `{"code":1}`,
		"/api/v1/apps/app-id/events?":                 `{"name":"e","data":"` + strings.Repeat("x", 20<<10) + `","channels":["a"]}`,
		"/api/v1/apps/app-id/sockets/1.2/close":       `{}`,
		"/api/v1/webhooks/deliveries/12345678/replay": `{}`,
	} {
		if status := r.adminOf(t, "POST", path, body, nil); status < 400 || status > 413 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status := r.adminOf(t, "POST", "/api/v1/apps/app-id/sockets/"+id+"/close", `{"reason":"go away"}`, nil); status != 200 {
		t.Errorf("close: %d", status)
	}
	if code := c.closed(); code != 4200 {
		t.Errorf("closed with %d", code)
	}
}

// Whoever is signed in is listed, and terminated.
func TestAdmin_UsersAreListedAndTerminated(t *testing.T) {
	r := start(t, withAdmin)
	user := inBackground(t, "subscribe", "--url", r.at.base(), "-c", "#server-to-user-ann", "-c", "presence-room", "--user-id", "ann")
	user.waitFor("presence-room pusher:subscription_succeeded")
	var detail struct{ Members []string }
	if r.adminOf(t, "GET", "/api/v1/apps/app-id/channels/presence-room", "", &detail); len(detail.Members) != 1 || detail.Members[0] != "ann" {
		t.Errorf("got %+v", detail)
	}
	var users struct {
		Users []struct {
			ID      string
			Sockets int
		}
	}
	eventually(t, "ann is signed in", func() bool {
		r.adminOf(t, "GET", "/api/v1/apps/app-id/users", "", &users)
		return len(users.Users) == 1 && users.Users[0].ID == "ann" && users.Users[0].Sockets == 1
	})
	if status := r.adminOf(t, "POST", "/api/v1/apps/app-id/events", `{"name":"for-you","data":"x","user":"ann"}`, nil); status != 200 {
		t.Errorf("send: %d", status)
	}
	user.waitFor("for-you")
	if status := r.adminOf(t, "POST", "/api/v1/apps/app-id/users/ann/terminate", `{}`, nil); status != 200 {
		t.Errorf("terminate: %d", status)
	}
	if err := user.wait(); err == nil || !strings.Contains(err.Error(), "4009") {
		t.Errorf("it ended with %v", err)
	}
}

// What happens is streamed while somebody watches, and the end of the server is
// not held up by it.
func TestAdmin_Events_ShowWhatHappens(t *testing.T) {
	log, err := logs.New(io.Discard, logs.Options{Level: "error"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Defaults()
	cfg.Listen, cfg.Metrics.Listen, cfg.Admin.Listen = "127.0.0.1:0", "", "127.0.0.1:0"
	cfg.Shutdown.Spread = 0
	r := startWith(t, &cfg, log)
	res, err := http.Get("http://" + r.admin.listener.Addr().String() + "/api/v1/events?app=app-id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	lines.Scan() // the first comes at once
	eventually(t, "somebody follows", func() bool { return log.Logger().Enabled(t.Context(), slog.LevelDebug) })
	r.connect(t)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"kind":"connection"`) {
			break
		}
	}
	if lines.Err() != nil || !strings.Contains(lines.Text(), `"app":"app-id"`) {
		t.Errorf("got %q, %v", lines.Text(), lines.Err())
	}
	r.stop()
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
	if log.Logger().Enabled(t.Context(), slog.LevelWarn) {
		t.Error("lines are made that nobody takes")
	}
}

// A failed webhook is shown, without what may be secret in its address.
func TestAdmin_Webhooks_ShowDeliveries(t *testing.T) {
	got := make(chan struct{}, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got <- struct{}{} }))
	t.Cleanup(hook.Close) // after the server, which has more to tell at its end
	r := start(t, func(c *config.Config) {
		withAdmin(c)
		c.Apps[0].Webhooks = []config.Webhook{{URL: hook.URL + "/hunter2?t=hunter2"}}
	})
	c := r.connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
	c.expect("subscription_succeeded")
	<-got
	var answer struct {
		Endpoints []struct {
			URL        string
			Deliveries []struct {
				State  string
				Events []struct{ Name, Channel string }
			}
		}
	}
	eventually(t, "the delivery is shown", func() bool {
		r.adminOf(t, "GET", "/api/v1/webhooks", "", &answer)
		e := answer.Endpoints
		return len(e) == 1 && len(e[0].Deliveries) == 1 && e[0].Deliveries[0].State == "delivered"
	})
	if e := answer.Endpoints[0]; e.URL != hook.URL || e.Deliveries[0].Events[0].Channel != "news" {
		t.Errorf("got %+v", answer)
	}
}

// Off, there is nothing: no listener, no sample, no delivery kept.
func TestAdmin_IsOffByDefault(t *testing.T) {
	r := start(t, nil)
	if deliveries, _ := r.hooks.Recent(1); r.admin != nil || len(deliveries) != 0 {
		t.Errorf("%v, %v", r.admin, deliveries)
	}
}

func TestAdminToken_PrintsAFileWithTheHashOfTheToken(t *testing.T) {
	out, err := execute(t, "admin", "token", "--name", "ops", "--role", "operate")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Admin struct {
			Tokens []struct{ Name, Hash, Role string }
		}
	}
	if err := yaml.Unmarshal([]byte(out), &file); err != nil || len(file.Admin.Tokens) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	_, token, _ := strings.Cut(out, "again:\n# ")
	token, _, _ = strings.Cut(token, "\n")
	hash := sha256.Sum256([]byte(token))
	if got := file.Admin.Tokens[0]; got.Hash != hex.EncodeToString(hash[:]) || got.Name != "ops" || got.Role != "operate" || len(token) != 64 {
		t.Errorf("got %+v of %q", got, token)
	}
	if _, err := execute(t, "admin", "token", "--role", "root"); err == nil {
		t.Error("a role that is none was taken")
	}
}

// The listener stays until the restart. Tokens that are removed for another
// address, or to turn the API off, open it to nobody.
func TestAdmin_ReloadWithoutTokens_DoesNotOpenAListenerThatOthersReach(t *testing.T) {
	hash := sha256.Sum256([]byte("token"))
	for name, tt := range map[string]struct{ listen, next string }{
		"turned off":                    {"0.0.0.0:0", ""},
		"for a loopback address":        {"0.0.0.0:0", "127.0.0.1:0"},
		"turned off on loopback":        {"127.0.0.1:0", ""},
		"for another address of itself": {"127.0.0.1:0", "[::1]:0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, func(c *config.Config) {
				c.Admin = config.Admin{
					Listen: tt.listen, BehindProxy: true, Tokens: []config.AdminToken{{Name: "ops", Hash: hex.EncodeToString(hash[:]), Role: "admin"}},
				}
			})
			next := *r.cfg
			next.Admin = config.Admin{Listen: tt.next}
			if result := r.reload(func() (*config.Config, string, error) { return &next, "", nil }); result.Error != "" {
				t.Fatal(result.Error)
			}
			_, port, err := net.SplitHostPort(r.admin.listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.Get("http://127.0.0.1:" + port + "/api/v1/apps?secrets=yes")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if res.StatusCode != http.StatusUnauthorized {
				t.Errorf("everybody may see secrets: %d", res.StatusCode)
			}
		})
	}
}

// A certificate that was renewed counts after a reload, or nothing changes.
func TestAdmin_ReloadReadsItsCertificateAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, "first.example")
	r := start(t, func(c *config.Config) {
		withAdmin(c)
		c.Admin.TLS = config.AdminTLS{CertFile: cert, KeyFile: key}
	})
	want := func(name string) {
		t.Helper()
		conn, err := tls.Dial("tcp", r.admin.plain.Addr().String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's own server
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if got := conn.ConnectionState().PeerCertificates[0].DNSNames[0]; got != name {
			t.Errorf("new connections get the certificate for %s, want %s", got, name)
		}
	}
	reload := func() reloaded { return r.reload(func() (*config.Config, string, error) { return r.cfg, "", nil }) }
	want("first.example")
	writeCertificate(t, cert, key, "second.example")
	if result := reload(); result.Error != "" {
		t.Error(result.Error)
	}
	want("second.example")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if result := reload(); !strings.Contains(result.Error, "admin.tls") {
		t.Errorf("without its key: %+v", result)
	}
	want("second.example")
}
