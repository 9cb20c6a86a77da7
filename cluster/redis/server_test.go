package redis

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"fanfare/internal/testkit/deadline"
	"fanfare/internal/testkit/freeport"
)

// server is a redis-server of the test's own.
type server struct {
	t    testing.TB
	dir  string
	port int
	conf string // a file that comes first
	args []string
	cmd  *exec.Cmd

	ended <-chan struct{} // the process
}

// startServer starts one without data on a free port; more are arguments.
func startServer(t testing.TB, more ...string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), args: append([]string{
		"--save", "", "--enable-debug-command", "local", "--repl-diskless-sync-delay", "0",
	}, more...)}
	for {
		s.port = freeport.Find(t)
		log := s.launch()
		if log == "" {
			break
		}
		if !strings.Contains(log, "Address already in use") { // another program was faster
			t.Fatal(log)
		}
	}
	t.Cleanup(s.stop)
	return s
}

func (s *server) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

func (s *server) start() {
	s.t.Helper()
	if log := s.launch(); log != "" {
		s.t.Fatal(log)
	}
}

// launch starts the server and waits until it listens. If it does not, it
// returns what the server logged.
func (s *server) launch() string {
	s.t.Helper()
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	var args []string
	if s.conf != "" {
		args = append(args, s.conf)
	}
	args = append(args, "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir)
	s.cmd = exec.Command(cmp.Or(os.Getenv("FANFARE_TEST_REDIS"), "redis-server"), append(args, s.args...)...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start redis-server (Debian package redis-server): %v", err)
	}
	ended := make(chan struct{})
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(ended)
	}(s.cmd)
	s.ended = ended
	for end := time.Now().Add(deadline.Long); ; time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(log.Name())
		if strings.Contains(string(text), "Ready to accept connections") || strings.Contains(string(text), "Sentinel ID is") {
			return ""
		}
		select {
		case <-ended:
		default:
			if time.Now().Before(end) {
				continue
			}
		}
		return "redis-server does not listen:\n" + string(text)
	}
}

func (s *server) signal(signal syscall.Signal) {
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// stop kills the server.
func (s *server) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		<-s.ended
		s.cmd = nil
	}
}

// client returns a connection for the test's own questions.
func (s *server) client(change ...func(*rueidis.ClientOption)) rueidis.Client {
	s.t.Helper()
	option := rueidis.ClientOption{InitAddress: []string{s.addr()}, DisableCache: true, ForceSingleClient: true, DisableRetry: true}
	for _, f := range change {
		f(&option)
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(client.Close)
	return client
}

// ask runs a command that must succeed.
func ask(t *testing.T, client rueidis.CoreClient, words ...string) rueidis.RedisMessage {
	t.Helper()
	m, err := client.Do(context.Background(), client.B().Arbitrary(words...).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		t.Fatal(fmt.Errorf("%.200q: %w", words, err))
	}
	return m
}

// wipe deletes what the server has saved.
func (s *server) wipe() {
	if err := os.Remove(filepath.Join(s.dir, "dump.rdb")); err != nil {
		s.t.Fatal(err)
	}
}
