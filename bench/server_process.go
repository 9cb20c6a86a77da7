package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// serverProcess is a fanfare server that the benchmark has started.
type serverProcess struct {
	cmd    *exec.Cmd
	dir    string
	target Target
	ended  chan error
}

// serverConfig is its configuration: the defaults, without the limits that a
// benchmark would reach, and with metrics.
const serverConfig = `listen: %q
metrics: { listen: %q }
log: { level: error }
shutdown: { spread: 0s, timeout: 5s }
apps:
  - id: bench
    key: bench-key
    secret: bench-secret
    limits: { client_events_per_second: 0, max_presence_members: 0 }
    %s
%s
`

// startServer starts a server and waits until it is ready. command creates the
// process from the arguments after "serve"; app and more are further lines of YAML
// for the app and for the server, or "". The caller must call stop.
func startServer(ctx context.Context, command func(args ...string) (*exec.Cmd, error), app, more string) (*serverProcess, error) {
	dir, err := os.MkdirTemp("", "fanfare-bench-")
	if err != nil {
		return nil, err
	}
	s := &serverProcess{dir: dir, ended: make(chan error, 1)}
	if err := s.start(ctx, command, app, more); err != nil {
		s.stop()
		return nil, fmt.Errorf("start a server: %w", err)
	}
	return s, nil
}

func (s *serverProcess) start(ctx context.Context, command func(args ...string) (*exec.Cmd, error), app, more string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	metrics, err := freeAddress()
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "config.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, serverConfig, address, metrics, app, more), 0o600); err != nil {
		return err
	}
	cmd, err := command("--config", file)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	go func() { s.ended <- cmd.Wait() }()
	s.target = Target{Host: address, AppID: "bench", Key: "bench-key", Secret: "bench-secret", PID: cmd.Process.Pid, Metrics: metrics}
	return s.ready(ctx, address)
}

// freeAddress returns a loopback address with a free port.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// startPatience is how long a process may take to start on a busy machine.
const startPatience = time.Minute

func (s *serverProcess) ready(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			return err
		}
		if res, err := client.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-s.ended:
			s.cmd = nil
			return errors.Join(errors.New("the server ended at once"), err)
		case <-ctx.Done():
			return fmt.Errorf("the server did not become ready: %w", ctx.Err())
		case <-again.C:
		}
	}
}

// kill ends the server at once, as a crash does.
func (s *serverProcess) kill() error {
	err := s.cmd.Process.Kill()
	<-s.ended
	s.cmd = nil
	return err
}

// stop ends the server with SIGTERM, or kills it if it has not ended after patience.
func (s *serverProcess) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
		case <-time.After(patience):
			_ = s.cmd.Process.Kill()
			<-s.ended
		}
	}
	_ = os.RemoveAll(s.dir)
}
