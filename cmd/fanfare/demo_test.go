package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"fanfare/internal/testkit"
)

func TestDemo_ListensOnThisMachineAlone(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "localhost", "example.com:80"} {
		cmd := newCommand()
		cmd.SetArgs([]string{"demo", "--listen", listen, "--port", "0"})
		cmd.SetOut(io.Discard)
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

func TestDemo_PortThatIsTaken_NamesTheFlag(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for flag, args := range map[string][]string{
		"--listen": {"--listen", l.Addr().String(), "--port", "0"},
		"--port":   {"--listen", "127.0.0.1:0", "--port", port},
	} {
		cmd := newCommand()
		cmd.SetArgs(append([]string{"demo"}, args...))
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// Its own key and secret count, whatever the environment says.
func TestDemo_ServesUntilItIsEnded(t *testing.T) {
	t.Setenv("FANFARE_APP_KEY", "from-the-environment")
	t.Setenv("FANFARE_LISTEN", "0.0.0.0:6001")
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	cmd := newCommand()
	cmd.SetOut(write)
	cmd.SetArgs([]string{"demo", "--listen", "127.0.0.1:0", "--port", "0"})
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	greeting := make([]byte, 4096) // said in one write
	n, err := read.Read(greeting)
	if err != nil {
		t.Fatal(err)
	}
	page := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(string(greeting[:n]))
	res, err := http.Get(page + "/api/config")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if !bytes.Contains(body, []byte(`"key":"fanfare-demo"`)) {
		t.Errorf("config: %s", body)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(testkit.Patience):
		t.Fatal("it does not end")
	}
}

// The page at / of the demo's server may connect to it.
func TestDemo_TheServersOwnPageMayConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := demoServer{port: 6002, listener: l}
	cfg := d.config("127.0.0.1")
	page := startPage(&cfg)
	if page == nil || page.Key != "fanfare-demo" || page.Secret != "" {
		t.Errorf("the page is %+v", page)
	}
	registry, err := cfg.Registry()
	if err != nil {
		t.Fatal(err)
	}
	app, _ := registry.ByKey("fanfare-demo")
	for _, origin := range []string{"http://localhost:6002", "http://127.0.0.1:6002", "http://" + l.Addr().String()} {
		if !app.AllowsOrigin(origin) {
			t.Errorf("%s may not connect", origin)
		}
	}
}
