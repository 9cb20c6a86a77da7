package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// underSystemd prepares serve as systemd starts it: with sockets that it has
// opened, and a place to tell how it is.
func underSystemd(t *testing.T, listeners []*net.TCPListener, names string, env []string, flags ...string) *fanfare {
	t.Helper()
	f := command(t, env, append([]string{"serve", "--control-socket="}, flags...)...)
	// The shell knows the process's number, which exec keeps.
	f.Cmd.Path, f.Cmd.Args = "/bin/sh", []string{"sh", "-c", `export LISTEN_PID=$$; exec "$0"`, os.Args[0]}
	f.Env = append(f.Env, fmt.Sprintf("LISTEN_FDS=%d", len(listeners)), "LISTEN_FDNAMES="+names)
	for _, l := range listeners {
		file, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		f.ExtraFiles = append(f.ExtraFiles, file)
	}
	return f
}

func listenTCP(t *testing.T) (l *net.TCPListener, address string) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, l.Addr().String()
}

// Who connects between two processes waits for the second, and is not refused.
func TestSystemd_SocketsStayOpenOverARestart(t *testing.T) {
	for _, transport := range []string{"auto", "goroutine"} {
		t.Run(transport, func(t *testing.T) {
			clients, at := listenTCP(t)
			scrapes, metricsAt := listenTCP(t)
			flags := []string{"--listen=" + at, "--metrics-listen=" + metricsAt, "--transport=" + transport}
			first := underSystemd(t, []*net.TCPListener{scrapes, clients}, "metrics:fanfare.socket", nil, flags...)
			first.launch()
			first.line(0, `msg=serving .*listen=`+at+` metrics=`+metricsAt)
			if status, _ := get(t, "http://"+metricsAt+"/metrics"); status != http.StatusOK {
				t.Errorf("metrics answer %d", status)
			}
			connect(t, "http://"+at)
			first.signal(syscall.SIGTERM)
			if err := first.Wait(); err != nil {
				t.Error(err)
			}
			conn, err := net.Dial("tcp", at) // which the kernel takes
			if err != nil {
				t.Fatalf("refused between two processes: %v", err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(patience))
			if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			second := underSystemd(t, []*net.TCPListener{scrapes, clients}, "metrics:fanfare.socket", nil, flags...)
			second.launch()
			if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
				t.Errorf("who came between two processes got %q, %v", answer, err)
			}
			connect(t, "http://"+at)
		})
	}
}

func TestSystemd_SocketsThatAreNotThoseOfTheConfiguration(t *testing.T) {
	l, at := listenTCP(t)
	other, _ := listenTCP(t)
	for name, tt := range map[string]struct {
		listeners []*net.TCPListener
		names     string
		flags     []string
		want      string
	}{
		"another port": {[]*net.TCPListener{l}, "", []string{"--listen=127.0.0.1:1", "--metrics-listen="}, `listen is "127.0.0.1:1", and systemd passes a socket on ` + at},
		"no metrics":   {[]*net.TCPListener{l}, "metrics", []string{"--listen=127.0.0.1:0", "--metrics-listen="}, `metrics.listen is "", and systemd passes a socket on ` + at},
		"two":          {[]*net.TCPListener{l, other}, "", []string{"--listen=127.0.0.1:0"}, "two sockets for clients"},
	} {
		t.Run(name, func(t *testing.T) {
			f := underSystemd(t, tt.listeners, tt.names, nil, tt.flags...)
			out, err := f.CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// With Accept=yes systemd passes the connection of a client.
func TestSystemd_ConnectionInPlaceOfASocket(t *testing.T) {
	l, at := listenTCP(t)
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	file, err := client.File()
	if err != nil {
		t.Fatal(err)
	}
	if l, err := listenerOf(file); err == nil || !strings.Contains(err.Error(), "Accept=yes") {
		t.Errorf("%v, %v", l, err)
	}
}

// Sockets that were passed to another process are none of ours.
func TestSystemd_SocketsOfAnotherProcess(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if p, err := passedListeners(); err != nil || p != (passed{}) {
		t.Errorf("%+v, %v", p, err)
	}
}

// systemd hears when the server serves, that it lives, and how long its end may
// take.
func TestSystemd_IsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = told.Close() }()
	next := func(want string) {
		t.Helper()
		for {
			_ = told.SetReadDeadline(time.Now().Add(patience))
			b := make([]byte, 4096)
			n, err := told.Read(b)
			if err != nil {
				t.Fatalf("%v; want %s", err, want)
			}
			if got := string(b[:n]); got == want {
				return
			} else if got != "WATCHDOG=1" {
				t.Fatalf("told %q, want %q", got, want)
			}
		}
	}
	l, at := listenTCP(t)
	f := underSystemd(t, []*net.TCPListener{l}, "", []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=300000"}, "--listen="+at, "--metrics-listen=")
	f.launch()
	next("READY=1\nSTATUS=serving clients on " + at)
	for range 3 {
		next("WATCHDOG=1")
	}
	f.signal(syscall.SIGTERM)
	next("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=35000000")
	if err := f.Wait(); err != nil {
		t.Error(err)
	}
}

// A server whose loops stand still says so in its log, and not that it lives.
func TestSystemd_WatchdogOfAServerThatStandsStill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = told.Close() }()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "30000")
	var log notes
	s := newSupervisor(slog.New(slog.NewTextHandler(&log, nil)))
	still := errors.New("no turn")
	alive := make(chan error)
	done := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(done)
		s.watch(ctx, func(context.Context) error { return <-alive })
	}()
	alive <- still
	alive <- still
	alive <- nil
	b := make([]byte, 64)
	_ = told.SetReadDeadline(time.Now().Add(patience))
	n, err := told.Read(b)
	if err != nil || string(b[:n]) != "WATCHDOG=1" {
		t.Errorf("%q, %v", b[:n], err)
	}
	stop()
	close(alive)
	<-done
	if strings.Count(log.String(), "the event loops do not answer") != 2 {
		t.Errorf("the log has\n%s", log.String())
	}
}

// Who does not read what it is told keeps nobody waiting.
func TestSystemd_ThatDoesNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = told.Close() }()
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for err == nil { // until it can take no more
		_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, err = conn.Write([]byte("x"))
	}
	t.Setenv("NOTIFY_SOCKET", path)
	var log notes
	done := make(chan struct{})
	go func() {
		defer close(done)
		newSupervisor(slog.New(slog.NewTextHandler(&log, nil))).tell("READY=1")
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it is still being told")
	}
	if !strings.Contains(log.String(), "systemd could not be notified") {
		t.Errorf("the log has\n%s", log.String())
	}
}
