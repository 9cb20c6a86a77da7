package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReload_ControlSocket_IsForItsUserAlone_AndGoneWithTheServer(t *testing.T) {
	r := serveFile(t, oneApp+"}\n")
	if info, err := os.Stat(r.socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v; want mode 0600", info, err)
	}
	second := command(t, nil, append([]string{"serve"}, r.flags()...)...)
	second.launch()
	second.line(0, "control_socket: .* belongs to another running server")
	r.signal(syscall.SIGTERM)
	if err := r.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(r.socket); err == nil {
		t.Error("the socket is left behind")
	}
	if _, err := execute(t, append([]string{"reload"}, r.flags()...)...); err == nil || !strings.Contains(err.Error(), r.socket) {
		t.Errorf("a reload without a server: %v", err)
	}
}

// A server that drains takes no reloads, and the one that follows it needs the
// socket.
func TestReload_ControlSocket_IsFreeWhileTheServerDrains(t *testing.T) {
	text := "shutdown: {delay: 1m, timeout: 2m}\n" + oneApp + "}\n"
	r := serveFile(t, text)
	r.signal(syscall.SIGTERM)
	r.line(0, "msg=draining")
	eventually(t, "the socket is gone", func() bool { _, err := os.Stat(r.socket); return errors.Is(err, fs.ErrNotExist) })
	next := command(t, nil, append([]string{"serve"}, r.flags()...)...)
	next.launch()
	next.line(0, "msg=serving")
	r.mustReload(text, "nothing has changed")
}

func TestReload_SocketOfAServerThatCrashed_IsTakenOver(t *testing.T) {
	r := serveFile(t, oneApp+"}\n")
	r.signal(syscall.SIGKILL)
	_ = r.Wait()
	again := command(t, nil, append([]string{"serve"}, r.flags()...)...)
	again.launch()
	again.line(0, "msg=serving")
	r.mustReload(oneApp+"}\n", "nothing has changed")
}

// By itself the socket is found where the server puts it, also when the port in
// the file has changed since.
func TestReload_Auto_FindsTheOneServer(t *testing.T) {
	tmp := t.TempDir()
	for name, value := range map[string]string{"TMPDIR": tmp, "RUNTIME_DIRECTORY": "", "XDG_RUNTIME_DIR": ""} {
		t.Setenv(name, value)
	}
	file := writeFile(t, oneApp+"}\n")
	if _, err := execute(t, "reload", "--config", file); err == nil || !strings.Contains(err.Error(), "no server of this user was found") {
		t.Errorf("without a server: %v", err)
	}
	f := command(t, nil, "serve", "--config", file, "--listen=127.0.0.1:0", "--metrics-listen=")
	f.launch()
	f.line(0, "msg=serving")
	out, err := execute(t, "reload", "--config", file, "--listen=127.0.0.1:7001")
	if err != nil || !strings.Contains(out, "reloaded "+file) {
		t.Errorf("%v\n%s", err, out)
	}
	g := command(t, nil, "serve", "--config", file, "--listen=127.0.0.1:0", "--metrics-listen=")
	g.launch()
	m, _ := g.line(0, `msg=serving .*listen=(\S+)`)
	if _, err := execute(t, "reload", "--config", file, "--listen=127.0.0.1:7001"); err == nil || !strings.Contains(err.Error(), "several servers run") {
		t.Errorf("with two: %v", err)
	}
	if out, err := execute(t, "reload", "--config", file, "--listen="+m[1]); err != nil {
		t.Errorf("by port: %v\n%s", err, out)
	}
	dir := filepath.Join(tmp, fmt.Sprintf("fanfare-%d", os.Getuid()))
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v; want mode 0700", info, err)
	}
}

// A folder below /tmp that somebody else may write to is not trusted; the server
// serves without a control socket.
func TestReload_Auto_FolderOfOthers_IsNotUsed(t *testing.T) {
	tmp := t.TempDir()
	for name, value := range map[string]string{"TMPDIR": tmp, "RUNTIME_DIRECTORY": "", "XDG_RUNTIME_DIR": ""} {
		t.Setenv(name, value)
	}
	dir := filepath.Join(tmp, fmt.Sprintf("fanfare-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	f := command(t, nil, "serve", "--listen=127.0.0.1:0", "--metrics-listen=")
	f.launch()
	f.line(0, "there is no control socket.* is not a folder that only this user owns and can write to")
	f.line(0, "msg=serving")

	// Nor is whoever answers there.
	l, err := net.Listen("unix", filepath.Join(dir, "6001.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := execute(t, "reload"); err == nil || !strings.Contains(err.Error(), "no server of this user was found") {
		t.Errorf("reload asks the socket of others: %v", err)
	}
}
