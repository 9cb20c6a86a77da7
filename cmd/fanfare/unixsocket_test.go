package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"fanfare/config"
)

// overSocket is a server on a Unix socket, and its path.
func overSocket(t *testing.T, change func(*config.Config)) (*running, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clients.sock")
	return start(t, func(cfg *config.Config) {
		cfg.Listen = "unix:" + path
		if change != nil {
			change(cfg)
		}
	}), path
}

// throughProxy opens a socket as a proxy does for a client, and returns the first
// message.
func throughProxy(t *testing.T, path, client string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := ws.Dialer{
		Header: ws.HandshakeHeaderHTTP{"X-Forwarded-For": {client}},
		NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}
	conn, early, _, err := d.Dial(ctx, "ws://localhost/app/app-key?protocol=7")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	rest := io.Reader(conn)
	if early != nil {
		rest = io.MultiReader(early, conn)
	}
	text, err := wsutil.ReadServerText(struct {
		io.Reader
		io.Writer
	}{rest, conn})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestUnixSocket_ServesAProxy(t *testing.T) {
	for _, transport := range []string{"auto", "goroutine"} {
		t.Run(transport, func(t *testing.T) {
			r, path := overSocket(t, func(cfg *config.Config) {
				cfg.Sockets.Transport, cfg.Sockets.ConnectionsPerAddress = transport, 1
				cfg.ListenMode = "0620"
			})
			if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeSocket|0o620 {
				t.Errorf("the socket is %v, %v", info, err)
			}
			// Whom the proxy names is counted, and the proxy is not.
			for _, tt := range []struct{ client, want string }{
				{"192.0.2.7", "connection_established"}, {"192.0.2.7", `"code":4100`}, {"192.0.2.8", "connection_established"},
			} {
				if got := throughProxy(t, path, tt.client); !strings.Contains(got, tt.want) {
					t.Errorf("%s got %s, want %s", tt.client, got, tt.want)
				}
			}
			// A request that net/http answers, and commands of this machine.
			p, err := r.at.given("")
			if err != nil {
				t.Fatal(err)
			}
			if err := checkHealth(t.Context(), p); err != nil {
				t.Error(err)
			}
			req := triggerRequest{event: "e", data: "{}", channels: []string{"c"}}
			if err := req.send(t.Context(), api{p, r.cfg.Apps[0]}); err != nil {
				t.Error(err)
			}
			finish(t, r)
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket is left: %v", err)
			}
		})
	}
}

// The commands of this machine go where the configuration says that clients do,
// and begin as the server wants.
func TestUnixSocket_CommandsFindIt(t *testing.T) {
	for _, protocol := range []string{"off", "required"} {
		t.Run(protocol, func(t *testing.T) {
			r, path := overSocket(t, func(cfg *config.Config) { cfg.HTTP.ProxyProtocol = protocol })
			t.Cleanup(func() { finish(t, r) })
			app := r.cfg.Apps[0]
			file := writeFile(t, fmt.Sprintf("listen: unix:%s\nhttp: {proxy_protocol: %s}\napps: [{id: %q, key: %q, secret: %q}]\n", path, protocol, app.ID, app.Key, app.Secret))
			s := inBackground(t, "subscribe", "--config", file, "-c", "presence-room", "--user-id", "ann")
			s.waitFor("presence-room pusher:subscription_succeeded")
			if out, err := execute(t, "trigger", "--config", file, "-c", "presence-room", "--event", "notice"); err != nil {
				t.Errorf("%q, %v", out, err)
			}
			s.waitFor("presence-room notice")
			if out, err := execute(t, "users", "--config", file, "presence-room"); err != nil || out != "ann\n" {
				t.Errorf("%q, %v", out, err)
			}
			if err := s.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Behind it a proxy may announce its connections too.
func TestUnixSocket_ProxyProtocol(t *testing.T) {
	r, path := overSocket(t, func(cfg *config.Config) { cfg.HTTP.ProxyProtocol = "required" })
	defer finish(t, r)
	p, err := r.at.given("")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkHealth(t.Context(), p); err != nil {
		t.Error(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(conn); !strings.HasPrefix(string(got), "HTTP/1.1 400 ") {
		t.Errorf("without a header: %q", got)
	}
}

// What a server left that was killed is in nobody's way; a server that runs is.
func TestUnixSocket_OfAnotherServer(t *testing.T) {
	first, path := overSocket(t, nil)
	defer finish(t, first)
	cfg := config.Defaults()
	cfg.Listen, cfg.Metrics.Listen = "unix:"+path, ""
	if _, err := newServer(&cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "listen: "+path+" belongs to another running server") {
		t.Errorf("beside a server that runs: %v", err)
	}
	dead := filepath.Join(t.TempDir(), "dead.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	r := start(t, func(cfg *config.Config) { cfg.Listen = "unix:" + dead })
	defer finish(t, r)
	p, err := r.at.given("")
	if err == nil {
		err = checkHealth(t.Context(), p)
	}
	if err != nil {
		t.Errorf("in place of a dead one: %v", err)
	}
}

func TestControlName_OfAUnixSocket(t *testing.T) {
	name := controlName("unix:/run/fanfare/clients.sock")
	if other := controlName("unix:/run/other/clients.sock"); other == name {
		t.Errorf("both are %s", name)
	}
	if !strings.HasPrefix(name, "clients-") || !isControl(name) || !isControl("6001.sock") || isControl("clients.sock") {
		t.Errorf("got %s", name)
	}
}

// A server that has no time to accept is one that runs: its socket stays.
func TestListenSocket_OfAServerWithAFullQueue_StaysThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clients.sock")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		conn, err := net.Dial("unix", path)
		if err != nil {
			break
		}
		defer func() { _ = conn.Close() }()
	}
	if l, err := listenSocket(path); err == nil || !strings.Contains(err.Error(), "may belong to another running server") {
		t.Errorf("%v, %v", l, err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket is gone: %v", err)
	}
}
