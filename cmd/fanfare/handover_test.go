//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"fanfare/config"
)

// lineage is a server with its control socket, whose log is also that of the
// processes that take over from it.
type lineage struct {
	*fanfare
	at, metrics, control string
	program              string // a link to what is started
	flags                []string
}

// replace has whoever is started next be a script.
func (l *lineage) replace(script string) {
	l.t.Helper()
	if err := os.Remove(l.program); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(l.program, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		l.t.Fatal(err)
	}
}

// found starts the first of a line of processes.
func found(t *testing.T, env []string, flags ...string) *lineage {
	t.Helper()
	dir := t.TempDir()
	l := &lineage{control: filepath.Join(dir, "control.sock"), program: filepath.Join(dir, "fanfare")}
	l.flags = append([]string{"--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0", "--control-socket=" + l.control}, flags...)
	l.fanfare = command(t, env, append([]string{"serve"}, l.flags...)...)
	if err := os.Symlink(l.Path, l.program); err != nil {
		t.Fatal(err)
	}
	l.Path, l.Args[0] = l.program, l.program
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l.Stderr = write // kept open by each process that has it
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for in := bufio.NewScanner(read); in.Scan(); {
			l.note(in.Text())
		}
	}()
	t.Cleanup(func() {
		_ = l.Process.Kill()
		for _, pid := range l.successors() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		<-ended
		_ = read.Close()
		if t.Failed() {
			l.mu.Lock()
			defer l.mu.Unlock()
			t.Log(strings.Join(l.lines[max(0, len(l.lines)-200):], "\n"))
		}
	})
	m, _ := l.line(0, `msg=serving .*listen=(\S+) metrics=(\S+)`)
	l.at, l.metrics = m[1], m[2]
	return l
}

// successors are the processes that were started to take over.
func (l *lineage) successors() (pids []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if _, after, ok := strings.Cut(line, `take over" pid=`); ok {
			text, _, _ := strings.Cut(after, " ")
			if pid, err := strconv.Atoi(text); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// upgrade runs the command and returns what it says.
func (l *lineage) upgrade() (string, error) {
	l.t.Helper()
	return execute(l.t, append([]string{"upgrade"}, l.flags...)...)
}

func (l *lineage) base() string { return "http://" + l.at }

// Issue "must show": 2,000 sockets that stand, 500 attempts a second, events all
// the time, and two hand-overs, one after the other. No attempt is refused, and no
// socket ends before its 4200.
func TestHandOver_UnderSocketsAndAttempts_NoneIsRefusedAndNoneLost(t *testing.T) {
	for _, transport := range []string{"auto", "goroutine"} {
		t.Run(transport, func(t *testing.T) { handOverUnderLoad(t, transport) })
	}
}

func handOverUnderLoad(t *testing.T, transport string) {
	const sockets, rate = 2000, 500
	// All clients have one address here.
	l := found(t, []string{"FANFARE_SOCKETS_HANDSHAKES_PER_ADDRESS=0"}, "--transport="+transport)
	var reading sync.WaitGroup
	var came atomic.Int64 // sockets that were told 4200 and came back
	var lost sync.Map     // how sockets ended otherwise
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for range sockets {
		s, err := attempt(ctx, l.at)
		if err != nil {
			t.Fatal(err)
		}
		reading.Go(func() {
			for {
				err := untilClosed(s)
				if ctx.Err() != nil {
					_ = s.Close()
					return
				}
				var closed wsutil.ClosedError
				if !errors.As(err, &closed) || closed.Code != 4200 {
					lost.Store(fmt.Sprint(err), true)
				}
				if s, err = attempt(ctx, l.at); err != nil {
					if ctx.Err() == nil {
						lost.Store("on the way back: "+err.Error(), true)
					}
					return
				}
				came.Add(1)
			}
		})
	}

	var attempts, refused, early, published atomic.Int64
	var trying sync.WaitGroup
	trying.Go(func() {
		tick := time.NewTicker(time.Second / rate)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			trying.Go(func() {
				attempts.Add(1)
				s, err := attempt(ctx, l.at)
				var closed wsutil.ClosedError
				switch {
				case err == nil:
					_ = s.Close()
				case errors.As(err, &closed) && closed.Code == 4200: // came in the last moment of the old process
					early.Add(1)
				case ctx.Err() == nil:
					refused.Add(1)
					lost.Store("an attempt: "+err.Error(), true)
				}
			})
		}
	})
	trying.Go(func() {
		client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
		app := config.Defaults().Apps[0]
		for n := 0; ctx.Err() == nil; n++ {
			url, body, err := triggerRequest{event: "e", channels: []string{"a"}}.signed(l.base(), app, time.Now())
			if err != nil {
				lost.Store(err.Error(), true)
				return
			}
			res, err := client.Post(url, "application/json", strings.NewReader(string(body)))
			if err != nil {
				lost.Store("an API call: "+err.Error(), true)
				continue
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				lost.Store("an API call: "+res.Status, true)
			}
			published.Add(1)
		}
	})

	eventually(t, "attempts are made", func() bool { return attempts.Load() >= rate && published.Load() > 0 })
	for n := range 2 {
		before, back := attempts.Load(), came.Load()
		said, err := l.upgrade()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			if err := l.Wait(); err != nil {
				t.Errorf("the first process: %v", err)
			}
		}
		eventually(t, "all are back", func() bool { return came.Load() >= back+sockets })
		eventually(t, "attempts go on", func() bool { return attempts.Load() >= before+rate })
		pids := l.successors()
		if want := fmt.Sprintf("process %d serves now\n", pids[len(pids)-1]); said != want {
			t.Errorf("upgrade says %q, want %q", said, want)
		}
	}
	stop()
	trying.Wait()
	// The sockets wait for what does not come; the last process closes them.
	_ = syscall.Kill(l.successors()[1], syscall.SIGKILL)
	reading.Wait()
	lost.Range(func(what, _ any) bool { t.Errorf("lost: %v", what); return true })
	t.Logf("%d sockets were told 4200 and came back %d times; of %d attempts %d were refused and %d were sent on with 4200; %d API calls were answered with 200",
		sockets, came.Load(), attempts.Load(), refused.Load(), early.Load(), published.Load())
}

// attempt opens a socket and waits until it is established.
func attempt(ctx context.Context, at string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, early, _, err := ws.Dial(ctx, "ws://"+at+"/app/app-key?protocol=7")
	if err != nil {
		return nil, err
	}
	s := &dialled{Conn: conn, r: conn}
	if early != nil {
		s.r = io.MultiReader(early, conn)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	text, err := wsutil.ReadServerText(s)
	if err == nil && !strings.Contains(string(text), "pusher:connection_established") {
		err = fmt.Errorf("got %s", text)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

// dialled is a connection of which the dialler has read something.
type dialled struct {
	net.Conn
	r io.Reader
}

func (d *dialled) Read(b []byte) (int, error) { return d.r.Read(b) }

// untilClosed reads until the server closes the socket.
func untilClosed(s net.Conn) error {
	defer func() { _ = s.Close() }()
	for {
		_ = s.SetReadDeadline(time.Now().Add(2 * patience))
		if _, err := wsutil.ReadServerText(s); err != nil {
			return err
		}
	}
}

// A new process that cannot serve changes nothing, and whoever asked is told why.
func TestHandOver_ToAMistake_TheServerGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := "apps: [{id: app-id, key: app-key, secret: app-secret}]\n"
	write(good)
	l := found(t, nil, "--config="+file)
	c := connect(t, l.base())
	next := 0

	write(good + "sockets: {loops: many}\n")
	if _, err := l.upgrade(); err == nil || !strings.Contains(err.Error(), "sockets.loops") {
		t.Errorf("the command says %v", err)
	}
	l.signal(syscall.SIGUSR2)
	m, next := l.line(next, `msg="the server was not handed over" error="(.*)"`)
	if !strings.Contains(m[1], "the new process cannot take over") || !strings.Contains(m[1], "sockets.loops") {
		t.Errorf("the log says %s", m[1])
	}

	write(good + "tls: {cert_file: /nowhere.pem, key_file: /nowhere.key}\n")
	l.signal(syscall.SIGUSR2)
	if m, _ = l.line(next, `msg="the server was not handed over" error="(.*)"`); !strings.Contains(m[1], "/nowhere.pem") {
		t.Errorf("the log says %s", m[1])
	}

	c.send(`{"event":"pusher:ping"}`)
	c.expect("pusher:pong")
	write(good)
	if _, err := l.upgrade(); err != nil {
		t.Error(err)
	}
	if _, err := wsutil.ReadServerText(c.rw); !closedWith(err, 4200) {
		t.Errorf("the socket ends with %v", err)
	}
}

// A new process that says nothing has the listeners. It does not outlive the
// server, in whose place another one has to be able to listen.
func TestHandOver_ServerEndsMeanwhile_TheNewProcessEndsToo(t *testing.T) {
	l := found(t, nil)
	l.replace("exec sleep 1000\n")
	said := make(chan error, 1)
	go func() {
		_, err := l.upgrade()
		said <- err
	}()
	l.line(0, `msg="a new process was started to take over"`)
	l.signal(syscall.SIGTERM)
	if err := l.Wait(); err != nil {
		t.Errorf("the server ends with %v", err)
	}
	if err := syscall.Kill(l.successors()[0], 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the new process is there: %v", err)
	}
	if err := <-said; err == nil || !strings.Contains(err.Error(), "the server is shutting down") {
		t.Errorf("the command says %v", err)
	}
	again, err := net.Listen("tcp", l.at)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

// SIGTERM to a process that hands over changes nothing any more: the new one
// serves, and has the control socket.
func TestHandOver_SIGTERMToTheOldProcess_ControlSocketStays(t *testing.T) {
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-answer
	}))
	defer endpoint.Close()
	answers := sync.OnceFunc(func() { close(answer) })
	defer answers()
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := "apps: [{id: app-id, key: app-key, secret: app-secret, webhooks: [{url: \"" + endpoint.URL + "\"}]}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	told, path := listenNotify(t)
	l := found(t, []string{"NOTIFY_SOCKET=" + path}, "--config="+file)
	c := connect(t, l.base())
	c.send(`{"event":"pusher:subscribe","data":{"channel":"room"}}`)
	c.expect("subscription_succeeded")
	<-asked // so the hand-over waits for the answer
	said := make(chan error, 1)
	go func() {
		_, err := l.upgrade()
		said <- err
	}()
	l.line(0, `msg="handing over"`)
	l.signal(syscall.SIGTERM)
	for b := make([]byte, 4096); ; {
		_ = told.SetReadDeadline(time.Now().Add(patience))
		n, err := told.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(b[:n]), "STOPPING=1") {
			break
		}
	}
	answers()
	if err := <-said; err != nil {
		t.Errorf("the command says %v", err)
	}
	if _, err := wsutil.ReadServerText(c.rw); !closedWith(err, 4200) {
		t.Errorf("the socket ends with %v", err)
	}
	if err := l.Wait(); err != nil {
		t.Errorf("the first process: %v", err)
	}
	if _, err := execute(t, append([]string{"reload"}, l.flags...)...); err != nil {
		t.Errorf("a reload of the new process: %v", err)
	}
}

// listenNotify is what systemd listens on.
func listenNotify(t *testing.T) (told *net.UnixConn, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = told.Close() })
	return told, path
}

func closedWith(err error, code ws.StatusCode) bool {
	var closed wsutil.ClosedError
	return errors.As(err, &closed) && closed.Code == code
}

// What a changed configuration can take over only by a restart is refused before
// anything happens.
func TestHandOver_WithAnotherAddress_IsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := "apps: [{id: app-id, key: app-key, secret: app-secret}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	control := filepath.Join(t.TempDir(), "control.sock")
	f := command(t, nil, "serve", "--config="+file)
	f.Env = append(f.Env, "FANFARE_CONTROL_SOCKET="+control)
	l, at := listenTCP(t)
	_ = l.Close()
	if err := os.WriteFile(file, []byte(text+"listen: "+at+"\nmetrics: {listen: \"\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.launch()
	f.line(0, "msg=serving")
	_, port, _ := net.SplitHostPort(at)
	for _, other := range []string{"127.0.0.1:1", "127.0.0.2:" + port} { // another port, another host
		if err := os.WriteFile(file, []byte(text+"listen: "+other+"\nmetrics: {listen: \"\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := execute(t, "upgrade", "--config="+file, "--control-socket="+control)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("listen is %q, and the running server uses %s; to change it, restart the server", other, at)) {
			t.Errorf("the command says %v", err)
		}
	}
	connect(t, "http://"+at)
}

// The control socket and metrics answer for the process that serves, and a Unix
// socket of clients stays where it is until the last process ends.
func TestHandOver_ControlSocketMetricsAndUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clients.sock")
	l := found(t, nil, "--listen=unix:"+path)
	for range 2 {
		if _, err := l.upgrade(); err != nil {
			t.Fatal(err)
		}
		if _, err := execute(t, append([]string{"reload"}, l.flags...)...); err != nil {
			t.Errorf("a reload of the new process: %v", err)
		}
		if status, _ := get(t, "http://"+l.metrics+"/metrics"); status != http.StatusOK {
			t.Errorf("metrics answer %d", status)
		}
		if _, err := execute(t, append([]string{"health", "--url=unix:" + path}, l.flags...)...); err != nil {
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		}
	}
	if err := l.Wait(); err != nil {
		t.Errorf("the first process: %v", err)
	}
	last := l.successors()[1]
	if err := syscall.Kill(last, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, l.control} {
		eventually(t, file+" is gone with the last process", func() bool { _, err := os.Stat(file); return errors.Is(err, os.ErrNotExist) })
	}
}

// Webhooks of the sessions that end are sent before those of the new process, and
// the store goes from one process to the other.
func TestHandOver_WebhooksInOrder_TheirStoreChangesHands(t *testing.T) {
	for _, store := range []bool{false, true} {
		t.Run(fmt.Sprintf("store=%v", store), func(t *testing.T) {
			var mu sync.Mutex
			var events []string
			endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var body struct{ Events []struct{ Name string } }
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, e := range body.Events {
					events = append(events, e.Name)
				}
			}))
			defer endpoint.Close()
			heard := func() string {
				mu.Lock()
				defer mu.Unlock()
				return strings.Join(events, " ")
			}
			text := "apps: [{id: app-id, key: app-key, secret: app-secret, webhooks: [{url: \"" + endpoint.URL + "\"}]}]\n"
			if store {
				text += "webhooks: {store: " + filepath.Join(t.TempDir(), "webhooks.db") + "}\n"
			}
			file := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			l := found(t, nil, "--config="+file)
			const subscribe = `{"event":"pusher:subscribe","data":{"channel":"room"}}`
			c := connect(t, l.base())
			c.send(subscribe)
			c.expect("subscription_succeeded")
			eventually(t, "the channel is occupied", func() bool { return heard() == "channel_occupied" })
			if _, err := l.upgrade(); err != nil {
				t.Fatal(err)
			}
			if got := heard(); got != "channel_occupied channel_vacated" {
				t.Errorf("when the new process serves the endpoint has %q", got)
			}
			if _, err := wsutil.ReadServerText(c.rw); !closedWith(err, 4200) {
				t.Errorf("the socket ends with %v", err)
			}
			c = connect(t, l.base())
			c.send(subscribe)
			c.expect("subscription_succeeded")
			eventually(t, "the channel is occupied again", func() bool { return heard() == "channel_occupied channel_vacated channel_occupied" })
		})
	}
}

// A stream is told 4200 as a WebSocket is.
func TestHandOver_OfAStream_IsTold(t *testing.T) {
	l := found(t, nil)
	res, err := http.Post(l.base()+"/pusher/app/app-key/1/abcdefgh/xhr_streaming?protocol=7&client=js&version=8.6.0", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	in := bufio.NewReader(res.Body)
	for line := ""; !strings.Contains(line, "connection_established"); {
		if line, err = in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.upgrade(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(in)
	if err != nil || !strings.Contains(string(rest), "c[4200,") {
		t.Errorf("the stream ends with %q, %v", rest, err)
	}
}

// Who had connected to the old process, and asks for a socket when the new one
// serves, is told where to go: clients are far away, and TLS takes its time.
func TestHandOver_OfAConnectionWithoutARequest_IsTold(t *testing.T) {
	for _, transport := range []string{"auto", "goroutine"} {
		t.Run(transport, func(t *testing.T) {
			l := found(t, nil, "--transport="+transport)
			conn, err := net.Dial("tcp", l.at)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = connect(t, l.base()).conn.Close() // accepted behind it
			if _, err := l.upgrade(); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			d := ws.Dialer{NetDial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
			_, early, _, err := d.Dial(t.Context(), "ws://"+l.at+"/app/app-key?protocol=7")
			if err != nil {
				t.Fatal(err)
			}
			s := &dialled{Conn: conn, r: conn}
			if early != nil {
				s.r = io.MultiReader(early, conn)
			}
			if _, err := wsutil.ReadServerText(s); !closedWith(err, 4200) {
				t.Errorf("the socket ends with %v", err)
			}
		})
	}
}

// systemd hears which process it has to watch.
func TestHandOver_SystemdFollows(t *testing.T) {
	told, path := listenNotify(t)
	l := found(t, []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=300000"})
	if _, err := l.upgrade(); err != nil {
		t.Fatal(err)
	}
	if err := l.Wait(); err != nil {
		t.Errorf("the first process: %v", err)
	}
	want := map[string]bool{fmt.Sprintf("MAINPID=%d", l.successors()[0]): true, "READY=1\nSTATUS=serving clients on " + l.at: true, "WATCHDOG=1": true}
	ready := 0
	for len(want) > 0 || ready < 2 {
		_ = told.SetReadDeadline(time.Now().Add(patience))
		b := make([]byte, 4096)
		n, err := told.Read(b)
		if err != nil {
			t.Fatalf("%v; not told: %v", err, want)
		}
		got := string(b[:n])
		if strings.HasPrefix(got, "STOPPING=1") {
			t.Error("systemd is told that the service ends")
		}
		if strings.HasPrefix(got, "READY=1") {
			ready++ // once of each process
		}
		delete(want, got)
	}
}

// The process that would take over fails here, so the warning comes with an error.
func TestHandOver_AnotherConfigurationFile_IsWarnedOf(t *testing.T) {
	serves, other := writeFile(t, oneApp+"}\n"), writeFile(t, oneApp+"}\n")
	l := found(t, nil, "--config="+serves)
	l.replace("exit 1\n")
	for file, want := range map[string]string{
		serves: "",
		other:  fmt.Sprintf("warning: this command checked %s, but the running server reads %s\n", other, serves),
	} {
		var warnings bytes.Buffer
		cmd := newCommand()
		cmd.SetErr(&warnings)
		cmd.SetArgs([]string{"upgrade", "--config=" + file, "--control-socket=" + l.control})
		if err := cmd.ExecuteContext(t.Context()); err == nil {
			t.Error("the server was handed over to a process that ends at once")
		}
		if got := warnings.String(); got != want {
			t.Errorf("upgrade with %s prints\n%q, want\n%q", file, got, want)
		}
	}
}
