package deploy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// scraped is what Prometheus reads of a server that runs.
func scraped(t *testing.T) string {
	t.Helper()
	address := free(t)
	cmd := exec.Command(fanfare(t), "serve", "--listen", free(t))
	cmd.Env = []string{
		"FANFARE_METRICS_LISTEN=" + address, "FANFARE_CONTROL_SOCKET=",
		"FANFARE_APP_ID=chat", "FANFARE_APP_KEY=7f2a", "FANFARE_APP_SECRET=4b1ddc2e8b1b4cf2a7a1",
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		<-ended
	}()
	deadline, again := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for {
		if text, err := get("http://" + address + "/metrics"); err == nil {
			return text
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the server ended: %v\n%s", err, log.String())
		case <-deadline:
			t.Fatal("the server has shown no metrics for a minute")
		case <-again.C:
		}
	}
}

func get(url string) (string, error) {
	answer, err := http.Get(url) //nolint:gosec // the test's own server
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, answer.Status)
	}
	text, err := io.ReadAll(answer.Body)
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
