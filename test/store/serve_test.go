//go:build store && linux

package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"fanfare/appstore"
	"fanfare/internal/testkit/deadline"
)

// node is a server whose apps are in a database.
type node struct {
	base, metrics, file string
	log                 string // its file
}

func serve(t *testing.T, d *database, dsn string) *node {
	t.Helper()
	dir := t.TempDir()
	n := &node{file: filepath.Join(dir, "config.yaml"), log: filepath.Join(dir, "log")}
	text := fmt.Sprintf("listen: 127.0.0.1:0\ncontrol_socket: ''\nmetrics: {listen: '127.0.0.1:0'}\nstore: {kind: %s, dsn: %q}\n", d.kind, dsn)
	if err := os.WriteFile(n.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(n.log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--config", n.file)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(n.log)
			t.Logf("the server's log:\n%s", text)
		}
	})
	eventually(t, "the server serves", func() bool {
		for _, line := range n.lines() {
			if strings.Contains(line, "msg=serving") {
				n.base, n.metrics = after(line, "listen="), after(line, "metrics=")
			}
		}
		return n.base != ""
	})
	return n
}

func (n *node) lines() []string {
	text, _ := os.ReadFile(n.log)
	return strings.Split(string(text), "\n")
}

func (n *node) logged(words string) (times int) {
	for _, line := range n.lines() {
		if strings.Contains(line, words) {
			times++
		}
	}
	return times
}

func after(line, mark string) string {
	_, rest, _ := strings.Cut(line, mark)
	value, _, _ := strings.Cut(rest, " ")
	return value
}

func get(t *testing.T, url string) string {
	t.Helper()
	c := http.Client{Timeout: deadline.Long}
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(res.StatusCode, " ", string(body))
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline.Long); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("in vain: ", what)
		}
	}
}

// client is a socket of an app.
type client struct {
	net.Conn
	in io.Reader
}

func dial(t *testing.T, n *node, key string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline.Long)
	defer cancel()
	conn, early, _, err := ws.Dial(ctx, "ws://"+n.base+"/app/"+key+"?protocol=7")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(deadline.Long))
	c := &client{conn, conn}
	if early != nil {
		c.in = bufio.NewReader(io.MultiReader(early, conn))
	}
	return c
}

// letIn reports whether a new client of an app is let in.
func letIn(t *testing.T, n *node, key string) bool {
	c := dial(t, n, key)
	defer func() { _ = c.Close() }()
	text, err := wsutil.ReadServerText(c.both())
	var closed wsutil.ClosedError
	if err != nil && !errors.As(err, &closed) {
		t.Fatal(err)
	}
	return err == nil && strings.Contains(string(text), "connection_established")
}

func (c *client) both() io.ReadWriter {
	return struct {
		io.Reader
		io.Writer
	}{c.in, c.Conn}
}

// answers tells that the socket is as it was.
func (c *client) answers(t *testing.T) {
	t.Helper()
	if err := wsutil.WriteClientText(c.Conn, []byte(`{"event":"pusher:ping","data":{}}`)); err != nil {
		t.Fatal(err)
	}
	for {
		text, err := wsutil.ReadServerText(c.both())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "pusher:pong") {
			return
		}
	}
}

func TestServe_FollowsTheDatabase_WithItsSocketsKept(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		s, dsn := migrated(t, d, "follow")
		if _, err := s.Create(t.Context(), app("1")); err != nil {
			t.Fatal(err)
		}
		n := serve(t, d, dsn)
		c := dial(t, n, "key-1")
		c.answers(t)
		if _, err := s.Create(t.Context(), app("2")); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		eventually(t, "the new app is served", func() bool { return letIn(t, n, "key-2") })
		t.Logf("a new app is served after %v", time.Since(began))
		if _, err := s.SetEnabled(t.Context(), "2", false); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the app is disabled", func() bool { return !letIn(t, n, "key-2") })
		d.exec(t, dsn, "UPDATE fanfare_app_sequence SET value = value + 1",
			"UPDATE fanfare_apps SET options = '{\"limits\":3}', changed = (SELECT value FROM fanfare_app_sequence) WHERE id = '1'")
		eventually(t, "the row that cannot be used is counted", func() bool {
			return strings.Contains(get(t, "http://"+n.metrics+"/metrics"), "fanfare_app_store_unreadable_apps 1")
		})
		if !letIn(t, n, "key-1") {
			t.Error("an app whose row was spoiled is not served as before")
		}
		c.answers(t)
	})
}

// These kill databases: no other test runs beside them.
func TestServe_TheDatabaseIsKilledAndComesBack(t *testing.T) {
	for _, d := range databases {
		t.Run(d.kind, func(t *testing.T) {
			s, dsn := migrated(t, d, "killed")
			if _, err := s.Create(t.Context(), app("1")); err != nil {
				t.Fatal(err)
			}
			n := serve(t, d, dsn)
			c := dial(t, n, "key-1")
			d.kill()
			eventually(t, "the server says that the database is away", func() bool {
				return strings.HasPrefix(get(t, "http://"+n.base+"/readyz"), `200 {"status":"degraded"`)
			})
			c.answers(t)
			if !letIn(t, n, "key-1") {
				t.Error("a client is not let in while the database is away")
			}
			if got := get(t, "http://"+n.metrics+"/metrics"); !strings.Contains(got, "fanfare_app_store_up 0") {
				t.Error("fanfare_app_store_up is not 0")
			}
			if times := n.logged("the app store cannot be reached"); times != 1 {
				t.Errorf("%d lines of the log say that it is away", times)
			}
			if err := d.up(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a change is stored", func() bool {
				_, err := s.Create(t.Context(), app("2"))
				var exists *appstore.ExistsError
				return err == nil || errors.As(err, &exists)
			})
			eventually(t, "the change is served", func() bool { return letIn(t, n, "key-2") })
			c.answers(t)
			if times := n.logged("the app store can be reached again"); times != 1 {
				t.Errorf("%d lines of the log say that it is back", times)
			}
		})
	}
}

// The columns are those that soketi documents.
func TestImport_TakesTheTableOfSoketi(t *testing.T) {
	each(t, func(t *testing.T, d *database) {
		theirs := d.fresh(t, "soketi")
		d.exec(t, theirs,
			soketiTable(d),
			`INSERT INTO apps VALUES ('sok', 'sok-key', 'sok-secret', 200, 1, 1, '[{"url":"https://hooks.example/","event_types":["channel_occupied"]}]', '50')`)
		s, dsn := migrated(t, d, "imported")
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, fmt.Appendf(nil, "store: {kind: %s, dsn: %q}\n", d.kind, dsn), 0o600); err != nil {
			t.Fatal(err)
		}
		address := theirs
		if d.kind == "mysql" {
			address = "mysql://" + theirs
		}
		out, err := exec.Command(binary, "apps", "import", "--config", file, "--soketi-database", address).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "apps created: 1") {
			t.Fatalf("%v\n%s", err, out)
		}
		a, err := s.Get(t.Context(), "sok")
		if err != nil || a.Key != "sok-key" || a.Secret != "sok-secret" || a.Limits.MaxConnections != 200 || !a.ClientEvents || a.Limits.MaxEventBytes != 50<<10 || len(a.Webhooks) != 1 {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func soketiTable(d *database) string {
	quote := `"`
	if d.kind == "mysql" {
		quote = "`"
	}
	return "CREATE TABLE apps (id VARCHAR(255) PRIMARY KEY, " + quote + "key" + quote + " VARCHAR(255), secret VARCHAR(255), max_connections INTEGER, " +
		"enable_client_messages SMALLINT, enabled SMALLINT, webhooks TEXT, max_event_payload_in_kb VARCHAR(255))"
}
