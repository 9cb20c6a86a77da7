package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"go.uber.org/goleak"

	"fanfare/config"
	"fanfare/internal/logs"
	"fanfare/internal/testkit/deadline"
)

// patience is how long a test waits for what must come.
var patience = deadline.Long

// running is a server on free ports.
type running struct {
	*server
	at   endpoint
	stop context.CancelFunc
	end  chan error
}

func start(t *testing.T, change func(*config.Config)) *running {
	t.Helper()
	cfg := config.Defaults()
	cfg.Listen, cfg.Metrics.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Shutdown.Spread = 100 * time.Millisecond
	if change != nil {
		change(&cfg)
	}
	return startWith(t, &cfg, nil)
}

// startWith starts a server that writes to a log which can be followed, or to
// that of the test.
func startWith(t *testing.T, cfg *config.Config, log *logs.Logs) *running {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	if log != nil {
		logger = log.Logger()
	}
	s, err := newServer(cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	s.logs = log
	ctx, stop := context.WithCancel(context.Background())
	r := &running{server: s, stop: stop, end: make(chan error, 1)}
	r.at, _ = s.addresses()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r.end <- s.run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		select { // it writes to the log of the test until it is gone
		case <-gone:
		case <-time.After(patience):
			t.Error("the server does not end")
		}
	})
	return r
}

// ended waits for the server to be gone and returns what run said.
func (r *running) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.end:
		return err
	case <-time.After(patience):
		t.Fatal("the server does not end")
		return nil
	}
}

// client is a WebSocket client with a deadline on everything.
type client struct {
	t    *testing.T
	conn net.Conn
	rw   io.ReadWriter
}

func (r *running) connect(t *testing.T) *client { return connect(t, r.at.base()) }

func connect(t *testing.T, base string) *client {
	t.Helper()
	c := dial(t, base)
	c.expect("pusher:connection_established")
	return c
}

// dial opens a socket and reads nothing yet.
func dial(t *testing.T, base string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, early, _, err := ws.Dial(ctx, strings.Replace(base, "http", "ws", 1)+"/app/app-key?protocol=7")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, conn: conn, rw: conn}
	if early != nil {
		c.rw = struct {
			io.Reader
			io.Writer
		}{io.MultiReader(early, conn), conn}
	}
	return c
}

// ping sends a ping of the WebSocket's own, waits for its answer and returns
// how many messages came before it.
func (c *client) ping() (messages int) {
	c.t.Helper()
	if err := ws.WriteFrame(c.conn, ws.MaskFrame(ws.NewPingFrame([]byte("?")))); err != nil {
		c.t.Fatal(err)
	}
	for ; ; messages++ {
		header, err := ws.ReadHeader(c.rw)
		if err == nil {
			_, err = io.CopyN(io.Discard, c.rw, header.Length)
		}
		if err == nil && header.OpCode == ws.OpPong {
			return messages
		}
		if err != nil || header.OpCode != ws.OpText {
			c.t.Fatalf("got %+v, %v; want a pong", header, err)
		}
	}
}

// expect reads one frame, which must hold the words.
func (c *client) expect(words string) {
	c.t.Helper()
	if got := c.next(); !strings.Contains(got, words) {
		c.t.Fatalf("got %s; want %s", got, words)
	}
}

// next reads one frame.
func (c *client) next() string {
	c.t.Helper()
	got, err := wsutil.ReadServerText(c.rw)
	if err != nil {
		c.t.Fatalf("got %s, %v", got, err)
	}
	return string(got)
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := wsutil.WriteClientText(c.conn, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// closed reads on until the close frame and returns its code.
func (c *client) closed() ws.StatusCode {
	c.t.Helper()
	for {
		if _, err := wsutil.ReadServerText(c.rw); err != nil {
			var closed wsutil.ClosedError
			if !errors.As(err, &closed) {
				c.t.Fatalf("ended without a close frame: %v", err)
			}
			return closed.Code
		}
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("in vain: ", what)
		}
	}
}

func TestServe_TriggerReachesASubscriber_ThenDrains(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := start(t, nil)
	c := r.connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"my-channel"}}`)
	c.expect("subscription_succeeded")

	out, err := execute(t, "trigger", "--url", r.at.base(), "--channel", "my-channel", "--event", "my-event", "--data", `{"a":1}`)
	if err != nil || out != "sent my-event to my-channel\n" {
		t.Fatalf("%q, %v", out, err)
	}
	c.expect(`{"event":"my-event","channel":"my-channel","data":"{\"a\":1}"}`)
	if out, err := execute(t, "health", "--url", r.at.base()); err != nil || out != "healthy\n" {
		t.Errorf("health: %q, %v", out, err)
	}
	if status, _ := get(t, r.at.base()+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d", status)
	}
	_, metrics := r.addresses()
	if _, body := get(t, "http://"+metrics+"/metrics"); !strings.Contains(body, `fanfare_sockets{app="app-id"} 1`) {
		t.Errorf("the socket is not in the metrics:\n%s", body)
	}

	r.stop()
	if code := c.closed(); code != 4100 {
		t.Errorf("closed with %d, want 4100", code)
	}
	if err := r.ended(t); err != nil {
		t.Errorf("run: %v", err)
	}
	if _, err := net.DialTimeout("tcp", net.JoinHostPort(r.at.host, r.at.port), patience); err == nil {
		t.Error("the port is still open")
	}
}

func TestServe_DrainThatTakesTooLong_IsAnError(t *testing.T) {
	r := start(t, func(c *config.Config) {
		c.Shutdown.Successor, c.Shutdown.Spread, c.Shutdown.Timeout = true, time.Hour, 50*time.Millisecond
	})
	for range 3 {
		r.connect(t)
	}
	r.stop()
	if err := r.ended(t); err == nil || !strings.Contains(err.Error(), "sockets were still open") {
		t.Errorf("run: %v", err)
	}
}

func TestServe_PortInUse_NamesTheKey(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for key, change := range map[string]func(*config.Config){
		"listen: ":         func(c *config.Config) { c.Listen = l.Addr().String() },
		"metrics.listen: ": func(c *config.Config) { c.Listen, c.Metrics.Listen = "127.0.0.1:0", l.Addr().String() },
	} {
		cfg := config.Defaults()
		change(&cfg)
		_, err := newServer(&cfg, slog.New(slog.DiscardHandler))
		if err == nil || !strings.HasPrefix(err.Error(), key) || !strings.Contains(err.Error(), "choose another with --") {
			t.Errorf("error %v does not name %s and the flag", err, key)
		}
	}
}

func TestHealth_NoServer_IsAnError(t *testing.T) {
	if _, err := execute(t, "health", "--url", "http://127.0.0.1:1"); err == nil {
		t.Error("nobody is healthy")
	}
}

func TestTrigger_RefusalIsShown(t *testing.T) {
	r := start(t, nil)
	_, err := execute(t, "trigger", "--url", r.at.base(), "--channel", "a", "--event", "e", "--app-id", "app-id", "--app-key", "app-key", "--app-secret", "wrong")
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("error %v", err)
	}
	_, err = execute(t, "trigger", "--url", "http://127.0.0.1:1", "--channel", "a", "--event", "e")
	if err == nil || strings.Contains(err.Error(), "auth_signature") || !strings.Contains(err.Error(), "http://127.0.0.1:1: dial") {
		t.Errorf("error %v", err)
	}
	if _, err := execute(t, "trigger", "--app", "none", "--channel", "a", "--event", "e"); err == nil {
		t.Error("an unknown app was accepted")
	}
	r.stop()
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
}

func TestServe_SIGTERM_ExitsZero(t *testing.T) {
	cmd, base := process(t)
	if status, body := get(t, base+"/healthz"); status != http.StatusOK {
		t.Fatalf("/healthz: %d %s", status, body)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("serve ended with %v, want exit code 0", err)
	}
}

func TestServe_WhileTheDelayRuns_NotReadyButServing_SecondSignalEndsAtOnce(t *testing.T) {
	cmd, base := process(t, "FANFARE_SHUTDOWN_DELAY=10m", "FANFARE_SHUTDOWN_TIMEOUT=1h")
	c := connect(t, base)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "/readyz turns 503", func() bool {
		status, _ := get(t, base+"/readyz")
		return status == http.StatusServiceUnavailable
	})
	c.send(`{"event":"pusher:ping","data":{}}`)
	c.expect("pusher:pong")
	connect(t, base)

	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	connect(t, base) // a reload is not the end of a drain

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the second signal was taken for a drain that is over")
	}
}

func TestServe_WithoutMetrics_OpensOnePort(t *testing.T) {
	r := start(t, func(c *config.Config) { c.Metrics.Listen = "" })
	if _, metrics := r.addresses(); metrics != "" {
		t.Errorf("metrics are off and on %s", metrics)
	}
	r.stop()
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
}
