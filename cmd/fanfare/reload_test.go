package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"fanfare/config"
)

// reloadable is a server in a process of its own, with its configuration file.
type reloadable struct {
	*fanfare
	t                 *testing.T
	file, socket      string
	base, metricsBase string
}

const oneApp = "apps:\n  - {id: app-id, key: app-key, secret: shhh"

func serveFile(t *testing.T, text string) *reloadable {
	t.Helper()
	dir := t.TempDir()
	r := &reloadable{t: t, file: filepath.Join(dir, "config.yaml"), socket: filepath.Join(dir, "c.sock")}
	r.write(text)
	r.fanfare = command(t, nil, append([]string{"serve"}, r.flags()...)...)
	r.launch()
	m, _ := r.line(0, `msg=serving .*listen=(\S+) metrics=(\S+)`)
	r.base, r.metricsBase = "http://"+m[1], "http://"+m[2]
	return r
}

func (r *reloadable) flags() []string {
	return []string{"--config", r.file, "--control-socket", r.socket, "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0"}
}

func (r *reloadable) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// reload changes the file and runs fanfare reload.
func (r *reloadable) reload(text string) (string, error) {
	r.t.Helper()
	r.write(text)
	return execute(r.t, append([]string{"reload"}, r.flags()...)...)
}

func (r *reloadable) mustReload(text, want string) {
	r.t.Helper()
	out, err := r.reload(text)
	if err != nil || !strings.Contains(out, want) {
		r.t.Fatalf("reload: %v\n%s\nwant %s", err, out, want)
	}
}

func (r *reloadable) wantMetrics(want ...string) {
	r.t.Helper()
	_, body := get(r.t, r.metricsBase+"/metrics")
	for _, line := range want {
		if !strings.Contains(body, "\n"+line+"\n") {
			r.t.Errorf("no %s in the metrics", line)
		}
	}
}

func (r *reloadable) events() (status int, body string) {
	r.t.Helper()
	app := config.App{ID: "app-id", Key: "app-key", Secret: "shhh"}
	url, text, err := triggerRequest{event: "e", data: strings.Repeat("x", 2000), channels: []string{"a"}}.signed(r.base, app, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Post(url, "application/json", strings.NewReader(string(text)))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(answer)
}

func TestReload_WhatCanChangeDoes(t *testing.T) {
	r := serveFile(t, oneApp+"}\n")
	r.wantMetrics(`fanfare_config_reloads_total{result="success"} 0`, "fanfare_config_last_reload_successful 1")

	r.mustReload(oneApp+"}\n", "nothing has changed")

	// Apps and their limits.
	c := connect(t, r.base)
	r.mustReload(oneApp+", limits: {max_connections: 1}}\n", "app app-id: limits.max_connections: 0 -> 1\n")
	_, code := dialRefused(t, r.base)
	if code != 4004 {
		t.Errorf("a socket over max_connections of the app: %d", code)
	}
	// Bounds of the process: 4100 comes before 4004.
	r.mustReload("sockets: {max_connections: 1}\n"+oneApp+"}\n", "sockets.max_connections: 0 -> 1\n")
	if _, code := dialRefused(t, r.base); code != 4100 {
		t.Errorf("a socket over sockets.max_connections: %d", code)
	}
	// A message over the bound that was lowered.
	r.mustReload("sockets: {max_message_bytes: 1024}\n"+oneApp+"}\n", "sockets.max_message_bytes: 0 -> 1024\n")
	n := 0
	eventually(t, "a message over sockets.max_message_bytes is refused", func() bool { // a loop may read one before its mail
		n++
		c.send(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"a%d","more":"%s"}}`, n, strings.Repeat("x", 2000)))
		got, err := wsutil.ReadServerText(c.rw)
		return err != nil || !strings.Contains(string(got), "subscription_succeeded")
	})

	// Bodies of the API.
	if status, body := r.events(); status != http.StatusOK {
		t.Fatalf("events: %d %s", status, body)
	}
	r.mustReload("http: {max_body_bytes: 1024}\n"+oneApp+"}\n", "http.max_body_bytes: 0 -> 1024\n")
	if status, body := r.events(); status != http.StatusRequestEntityTooLarge {
		t.Errorf("events over max_body_bytes: %d %s", status, body)
	}
	// The fallback.
	session := func() int {
		res, err := http.Post(r.base+"/pusher/app/app-key/1/session/xhr?protocol=7", "", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	if status := session(); status != http.StatusOK {
		t.Errorf("a session over HTTP: %d", status)
	}
	r.mustReload("fallback: {enabled: false}\n"+oneApp+"}\n", "fallback.enabled: true -> false\n")
	if status := session(); status != http.StatusNotFound {
		t.Errorf("a session without the fallback: %d", status)
	}
	// The log.
	_, seen := r.line(0, "msg=serving")
	r.mustReload("log: {level: debug, format: json}\n"+oneApp+"}\n", "log.level: info -> debug")
	if status, body := r.events(); status != http.StatusOK {
		t.Errorf("events: %d %s", status, body)
	}
	r.line(seen, `^\{.*"level":"DEBUG"`)
	r.wantMetrics(`fanfare_config_reloads_total{result="success"} 7`, "fanfare_config_last_reload_successful 1")
}

// dialRefused opens a socket that is to be refused, and returns the code.
func dialRefused(t *testing.T, base string) (frame string, code int) {
	t.Helper()
	c := dial(t, base)
	return "", int(c.closed())
}

func TestReload_TimeoutsOfHTTP_OnBothWays(t *testing.T) {
	for way, transport := range map[string]string{"event loops": "auto", "net/http": "goroutine"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := start(t, func(c *config.Config) { c.Sockets.Transport = transport })
			next := *r.cfg
			next.HTTP.HeaderTimeout = 500 * time.Millisecond
			if result := r.reload(func() (*config.Config, string, error) { return &next, "", nil }); result.Error != "" || len(result.Changed) != 1 {
				t.Fatalf("reload: %+v", result)
			}
			// A loop may accept a connection before it sees its mail.
			eventually(t, "half a request is waited for less long", func() bool {
				conn, err := net.Dial("tcp", net.JoinHostPort(r.at.host, r.at.port))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\n"); err != nil { // and no more
					t.Fatal(err)
				}
				_ = conn.SetReadDeadline(time.Now().Add(4 * time.Second)) // before the default of ten seconds
				_, err = io.ReadAll(conn)
				return !errors.Is(err, os.ErrDeadlineExceeded)
			})
			if status, body := get(t, r.at.base()+"/healthz"); status != http.StatusOK {
				t.Errorf("/healthz: %d %s", status, body)
			}
			r.stop()
			if err := r.ended(t); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReload_WhatNeedsARestart_IsNamedEachTime(t *testing.T) {
	r := serveFile(t, oneApp+"}\n")
	_, seen := r.line(0, "msg=serving")
	for range 2 {
		out, err := r.reload("path_prefix: /rt\nsockets: {loops: 3}\n" + oneApp + "}\n")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`  path_prefix: needs a restart (still "")`, "  sockets.loops: needs a restart (still 0)"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %s in\n%s", want, out)
			}
		}
	}
	r.line(seen, `level=WARN .*msg="path_prefix: needs a restart`)
	r.mustReload(oneApp+"}\n", "nothing has changed")
}

// What the person at the keyboard is told is what the server made of it.
func TestReload_Mistakes_ChangeNothing(t *testing.T) {
	r := serveFile(t, oneApp+"}\n")
	if _, err := r.reload("log: {level: loud}\n" + oneApp + ", limits: {max_connections: 1}}\n"); err == nil || !strings.Contains(err.Error(), "log.level") {
		t.Errorf("a mistake in the file: %v", err)
	}
	// One that only the server sees: it was started without the variable that
	// the command has.
	t.Setenv("FANFARE_APPS_0_SECRET", "by-variable")
	r.write("apps:\n  - {id: app-id, key: app-key}\n")
	_, err := execute(t, append([]string{"reload"}, r.flags()...)...)
	if err == nil || !strings.Contains(err.Error(), "the server continues with its previous configuration") || !strings.Contains(err.Error(), "apps[0].secret") {
		t.Errorf("a mistake that the server finds: %v", err)
	}
	r.wantMetrics(`fanfare_config_reloads_total{result="failure"} 1`, "fanfare_config_last_reload_successful 0")
	if status, body := r.events(); status != http.StatusOK {
		t.Errorf("events: %d %s", status, body)
	}
	// By signal, the log and the metrics tell.
	_, seen := r.line(0, "msg=serving")
	r.signal(syscall.SIGHUP)
	_, seen = r.line(seen, `level=ERROR msg="the configuration was not reloaded; nothing is changed" error=.*apps\[0\]\.secret`)
	r.write("users: {offline_grace: 9s}\n" + oneApp + ", limits: {max_connections: 7}}\n")
	r.signal(syscall.SIGHUP)
	r.line(seen, `level=INFO msg="the configuration was reloaded" apps=1 changed="users.offline_grace: 3s -> 9s; app app-id: limits.max_connections: 0 -> 7"`)
	r.wantMetrics("fanfare_config_last_reload_successful 1")
}

func TestReload_Certificate_IsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, "old.example.com")
	text := fmt.Sprintf("tls: {cert_file: %s, key_file: %s}\n%s}\n", cert, key, oneApp)
	r := serveFile(t, text)
	name := func() string {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(r.base, "http://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	if got := name(); got != "old.example.com" {
		t.Fatalf("the certificate is for %s", got)
	}
	writeCertificate(t, cert, key, "new.example.com")
	out, err := r.reload(text)
	if err != nil {
		t.Fatal(err)
	}
	if told := "tls: new certificate, valid until "; !strings.Contains(out, told) {
		r.line(0, "the certificate's files have changed.*"+told) // the server was faster
	}
	if got := name(); got != "new.example.com" {
		t.Errorf("after the reload the certificate is for %s", got)
	}
	if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.reload(text); err == nil || !strings.Contains(err.Error(), "tls.cert_file") {
		t.Errorf("a broken certificate: %v", err)
	}
	if got := name(); got != "new.example.com" {
		t.Errorf("after the mistake the certificate is for %s", got)
	}
	if out, err := r.reload(oneApp + "}\n"); err != nil || !strings.Contains(out, "tls.cert_file: needs a restart (still") {
		t.Errorf("without a certificate: %v\n%s", err, out)
	}
}

// A server that was started without webhooks gets some by a reload, and what is queued
// for an endpoint survives that it is changed.
func TestReload_Webhooks(t *testing.T) {
	t.Parallel()
	hooks := make(chan string, 100)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hooks <- r.URL.Path + r.Header.Get("X-Own") + string(body)
	}))
	defer endpoint.Close()
	next := func() string {
		select {
		case h := <-hooks:
			return h
		case <-time.After(patience):
			t.Fatal("no webhook comes")
			return ""
		}
	}
	r := serveFile(t, oneApp+"}\n")
	c := connect(t, r.base)
	subscribe := func(channel string) {
		c.send(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`)
		c.expect("subscription_succeeded")
	}
	subscribe("early")
	r.mustReload(fmt.Sprintf("%s, webhooks: [{url: '%s/one'}]}\n", oneApp, endpoint.URL), "app app-id: webhooks changed\n")
	subscribe("a")
	if got := next(); !strings.HasPrefix(got, "/one") || !strings.Contains(got, `"channel":"a"`) {
		t.Errorf("got %s", got)
	}
	r.mustReload(fmt.Sprintf("webhooks: {grace: 0s}\n%s, webhooks: [{url: '%s/one', headers: {X-Own: '+'}}]}\n", oneApp, endpoint.URL), "webhooks.grace: 3s -> 0s")
	c.send(`{"event":"pusher:unsubscribe","data":{"channel":"a"}}`)
	if got := next(); !strings.HasPrefix(got, "/one+") || !strings.Contains(got, "channel_vacated") {
		t.Errorf("got %s", got)
	}
	// An app that goes takes its sockets along; who left is still told.
	r.mustReload("apps:\n  - {id: other, key: other, secret: s}\n", "app app-id: removed")
	c.closed()
	if got := next(); !strings.Contains(got, "channel_vacated") || !strings.Contains(got, `"early"`) {
		t.Errorf("got %s", got)
	}
}

// Switches of the HTTP side count for the next request, on both ways that one
// can take.
func TestReload_SwitchesOfRequests_OnBothWays(t *testing.T) {
	for way, transport := range map[string]string{"event loops": "auto", "net/http": "goroutine"} {
		t.Run(way, func(t *testing.T) {
			out := &notes{}
			cfg := config.Defaults()
			cfg.Listen, cfg.Metrics.Listen, cfg.Sockets.Transport = "127.0.0.1:0", "", transport
			cfg.Shutdown.Spread = 0
			s, err := newServer(&cfg, slog.New(slog.NewTextHandler(out, nil)))
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- s.run(ctx) }()
			t.Cleanup(func() {
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
			at, _ := s.addresses()
			change := func(f func(*config.Config)) {
				t.Helper()
				next := *s.cfg
				next.Apps = slices.Clone(next.Apps)
				f(&next)
				if result := s.reload(func() (*config.Config, string, error) { return &next, "", nil }); result.Error != "" || len(result.Changed) == 0 {
					t.Fatalf("reload: %+v", result)
				}
			}
			hears := func(query string, header http.Header, want string) bool {
				t.Helper()
				dialer := ws.Dialer{Header: ws.HandshakeHeaderHTTP(header), Timeout: patience}
				conn, early, _, err := dialer.Dial(t.Context(), strings.Replace(at.base(), "http", "ws", 1)+"/app/app-key"+query)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(patience))
				from := io.Reader(conn)
				if early != nil {
					from = io.MultiReader(early, conn)
				}
				got, err := wsutil.ReadServerText(struct {
					io.Reader
					io.Writer
				}{from, conn})
				if err != nil {
					t.Fatal(err)
				}
				return strings.Contains(string(got), want)
			}

			if !hears("", nil, "4008") {
				t.Error("a client without a protocol got in")
			}
			change(func(c *config.Config) { c.Sockets.AllowMissingProtocol = true })
			if !hears("", nil, "connection_established") {
				t.Error("sockets.allow_missing_protocol does not count")
			}

			change(func(c *config.Config) { c.Apps[0].RequireTLS = true })
			https := http.Header{"X-Forwarded-Proto": {"https"}}
			if hears("?protocol=7", https, "connection_established") {
				t.Error("a proxy that is not trusted was believed")
			}
			change(func(c *config.Config) { c.HTTP.TrustedProxies = []string{"127.0.0.1"} })
			if !hears("?protocol=7", https, "connection_established") {
				t.Error("http.trusted_proxies does not count")
			}

			lines := strings.Count(out.String(), "/apps/none/channels")
			get(t, at.base()+"/apps/none/channels")
			if strings.Count(out.String(), "/apps/none/channels") != lines {
				t.Error("there is an access log")
			}
			change(func(c *config.Config) { c.Log.AccessLog = true })
			get(t, at.base()+"/apps/none/channels")
			eventually(t, "log.access_log counts", func() bool { return strings.Count(out.String(), "/apps/none/channels") > lines })
		})
	}
}

// What was kept of an app that is gone goes with it once its sockets have left:
// no series of it stays.
func TestReload_AppsThatAreGone_LeaveNothing(t *testing.T) {
	t.Parallel()
	r := serveFile(t, oneApp+"}\n")
	c := connect(t, r.base)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"a"}}`)
	c.expect("subscription_succeeded")
	c.send(`{"event":"pusher:subscribe","data":{"channel":"private-a"}}`)
	c.expect("pusher:error")
	if status, body := r.events(); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	series := func() string {
		_, body := get(t, r.metricsBase+"/metrics")
		for line := range strings.Lines(body) {
			if strings.Contains(line, `app="app-id"`) {
				return line
			}
		}
		return ""
	}
	if series() == "" {
		t.Fatal("the metrics do not know the app")
	}
	next := "apps:\n  - {id: other, key: other, secret: s}\n"
	r.mustReload(next, "app app-id: removed")
	c.closed()
	deadline := time.Now().Add(patience)
	for series() != "" {
		if time.Now().After(deadline) {
			t.Fatalf("the metrics still have %s", series())
		}
		if _, err := r.reload(next); err != nil {
			t.Fatal(err)
		}
	}
}

// Profiles of a server that has a problem now are taken without a restart.
func TestReload_TurnsProfilesOnAndOff(t *testing.T) {
	r := serveFile(t, oneApp+"}\n")
	want := func(status int) {
		t.Helper()
		if got, _ := get(t, r.metricsBase+"/debug/pprof/goroutine"); got != status {
			t.Errorf("got %d, want %d", got, status)
		}
	}
	want(http.StatusNotFound)
	r.mustReload("metrics: {pprof: true}\n"+oneApp+"}\n", "metrics.pprof: false -> true")
	want(http.StatusOK)
	r.mustReload(oneApp+"}\n", "metrics.pprof: true -> false")
	want(http.StatusNotFound)
}
