//go:build hostile && linux

package hostile_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The apps of every server: attackers know the key of the first, and some of
// the legitimate clients are of the same app.
var (
	lobby = credentials{"lobby", "lobby-key", "lobby-secret"}
	shop  = credentials{"shop", "shop-key", "shop-secret"}
)

type credentials struct{ ID, Key, Secret string }

// configuration is a small one: two apps with webhooks and the rest by default.
const configuration = `
listen: "127.0.0.1:0"
metrics: {listen: "127.0.0.1:0"}
control_socket: ""
shutdown: {timeout: 20s}
webhooks: {grace: 0s}
apps:
  - {id: lobby, key: lobby-key, secret: lobby-secret, client_events: true, limits: {max_presence_members: 200}, webhooks: [%s]}
  - {id: shop, key: shop-key, secret: shop-secret, client_events: true}
`

// setup says what server to start.
type setup struct {
	env      []string // of the configuration
	files    int      // limit of open files; 0 is what this process may have
	cores    float64  // share of the processor; 0 is all
	webhooks string   // of the lobby, in the form of the configuration
}

// server is a fanfare in a process and a cage of its own.
type server struct {
	t       *testing.T
	cage    *cage
	cmd     *exec.Cmd
	pid     int
	addr    string // host:port
	metrics string
	ended   chan struct{} // closed when the process has
	ending  atomic.Bool   // the test ends it
	peak    atomic.Int64  // of its memory
	log     tail
}

// binary is the server that is attacked. FANFARE_HOSTILE_BINARY names another,
// to see what an older one does.
func binary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("FANFARE_HOSTILE_BINARY"); path != "" {
		return path
	}
	built.Do(func() {
		out, err := exec.Command("go", "build", "-o", built.path, "fanfare/cmd/fanfare").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("build the server: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// built is the server of this tree; TestMain chooses the path.
var built struct {
	sync.Once
	path string
	err  error
}

func start(t *testing.T, o setup) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, configuration, o.webhooks), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, cage: newCage(t, o.cores), ended: make(chan struct{})}
	limit := "$(ulimit -H -n)"
	if o.files > 0 {
		limit = strconv.Itoa(o.files)
	}
	s.cmd = exec.Command("sh", "-c", s.cage.enter()+"ulimit -n "+limit+` && exec "$0" serve --config "$1"`, binary(t), file)
	ours := func(v string) bool { return strings.HasPrefix(v, "FANFARE_") }
	s.cmd.Env = slices.Concat(slices.DeleteFunc(os.Environ(), ours), s.cage.env(), o.env)
	log, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid = s.cmd.Process.Pid
	serving := make(chan []string, 1)
	go s.read(log, serving)
	t.Cleanup(s.kill)
	select {
	case m := <-serving:
		s.addr, s.metrics = m[1], "http://"+m[2]+"/metrics"
	case <-s.ended:
		t.Fatalf("the server did not start:\n%s", &s.log)
	case <-time.After(time.Minute):
		t.Fatalf("the server does not say where it serves:\n%s", &s.log)
	}
	go s.watch()
	return s
}

// read takes in the log, and then the end of the process.
func (s *server) read(log io.Reader, serving chan<- []string) {
	where := regexp.MustCompile(`msg=serving .*listen=(\S+) metrics=(\S+)`)
	in := bufio.NewScanner(log)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		s.log.add(in.Text())
		if m := where.FindStringSubmatch(in.Text()); m != nil {
			serving <- m
		}
	}
	_ = s.cmd.Wait()
	close(s.ended)
}

// watch notes the most memory that the server takes, and ends it where nothing
// else would if that is too much.
func (s *server) watch() {
	for {
		select {
		case <-s.ended:
			return
		case <-time.After(20 * time.Millisecond):
		}
		used, err := s.cage.usage(s.pid)
		if err != nil {
			continue
		}
		s.peak.Store(max(s.peak.Load(), used))
		if s.cage.memory == "" && used > memory {
			_ = s.cmd.Process.Kill()
		}
	}
}

func (s *server) kill() {
	s.ending.Store(true)
	_ = s.cmd.Process.Kill()
	<-s.ended
	if s.t.Failed() {
		s.t.Logf("the end of the server's log:\n%s", &s.log)
	}
}

// terminate has the server end as an operator does, and fails the test if it
// does not end well.
func (s *server) terminate() {
	s.t.Helper()
	s.ending.Store(true)
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	s.expectEnd()
}

// expectEnd waits until the server has ended as it should.
func (s *server) expectEnd() {
	s.t.Helper()
	select {
	case <-s.ended:
		if !s.cmd.ProcessState.Success() {
			s.t.Errorf("the server ended with %s", s.cmd.ProcessState)
		}
	case <-time.After(time.Minute):
		s.t.Error("the server has not ended a minute after SIGTERM")
	}
}

// alive reports whether the process lives; what tells how it ended.
func (s *server) alive() (alive bool, what string) {
	select {
	case <-s.ended:
		return false, s.cmd.ProcessState.String()
	default:
		return true, ""
	}
}

func (s *server) usage() int64 {
	used, err := s.cage.usage(s.pid)
	if err != nil {
		return 0
	}
	return used
}

// descriptors is how many the server has open.
func (s *server) descriptors() int {
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid))
	if err != nil {
		return 0
	}
	return len(names)
}

// spent is the processor time that the server has used, and how long its
// threads have waited for a processor when they could have used one.
func (s *server) spent() (ran, waited time.Duration) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.pid))
	for _, name := range threads {
		b, err := os.ReadFile(name)
		if fields := strings.Fields(string(b)); err == nil && len(fields) == 3 {
			r, _ := strconv.ParseInt(fields[0], 10, 64)
			w, _ := strconv.ParseInt(fields[1], 10, 64)
			ran, waited = ran+time.Duration(r), waited+time.Duration(w)
		}
	}
	return ran, waited
}

// figures are the metrics at the moment, by name and labels as they are
// written; nil if there was no answer.
func (s *server) figures() figures {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(s.metrics)
	if err != nil {
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil
	}
	f := figures{}
	for line := range bytes.Lines(body) {
		name, value, ok := strings.Cut(strings.TrimSpace(string(line)), "} ")
		if ok {
			name += "}"
		} else {
			name, value, _ = strings.Cut(strings.TrimSpace(string(line)), " ")
		}
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			f[name] = n
		}
	}
	return f
}

type figures map[string]float64

// sum adds what begins with a name and has a label, if one is given.
func (f figures) sum(name, label string) (sum float64) {
	for key, n := range f {
		if rest, ok := strings.CutPrefix(key, name); ok && (rest == "" || rest[0] == '{') && strings.Contains(rest, label) {
			sum += n
		}
	}
	return sum
}

// tail is the end of a log.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (l *tail) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines = append(l.lines, line); len(l.lines) > 60 {
		l.lines = l.lines[20:]
	}
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
