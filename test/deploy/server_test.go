package deploy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// process is a program that ends with its test.
type process struct {
	name  string
	ended chan struct{}
	log   *output
}

// output may be read while the program writes it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func start(t *testing.T, env []string, program string, arguments ...string) *process {
	t.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	cmd.Dir = t.TempDir()
	p := &process{filepath.Base(program), make(chan struct{}), &output{}}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// until asks again and again until there is an answer, for two minutes at most.
func (p *process) until(t *testing.T, what string, ask func() error) {
	t.Helper()
	deadline, again := time.After(2*time.Minute), time.NewTicker(50*time.Millisecond)
	defer again.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("%s ended\n%s", p.name, p.log)
		case <-deadline:
			t.Fatalf("%s: %v\n%s", what, err, p.log)
		case <-again.C:
		}
	}
}

// app is the only one of a server of a test, as variables.
var app = []string{"FANFARE_APP_ID=chat", "FANFARE_APP_KEY=7f2a", "FANFARE_APP_SECRET=4b1ddc2e8b1b4cf2a7a1"}

// server is one that runs: the addresses of clients and of its metrics.
type server struct{ clients, metrics string }

func serve(t *testing.T, env ...string) server {
	t.Helper()
	s := server{free(t), free(t)}
	p := start(t, slices.Concat(app, env, []string{"FANFARE_METRICS_LISTEN=" + s.metrics, "FANFARE_CONTROL_SOCKET="}), fanfare(t), "serve", "--listen", s.clients)
	p.until(t, "ready", func() error {
		_, err := get("http://" + s.clients + "/readyz")
		return err
	})
	return s
}

// scraped is what Prometheus reads of a server that runs.
func scraped(t *testing.T) string {
	t.Helper()
	text, err := get("http://" + serve(t).metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func get(url string) (string, error) {
	answer, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, answer.Status, text)
	}
	return string(text), err
}

// free is an address on which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
