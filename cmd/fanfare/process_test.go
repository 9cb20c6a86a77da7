package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asServer, set in the environment, makes this test binary the command that
// tests of processes run, and the processes that such a command starts.
const asServer = "TEST_FANFARE_ARGS"

func TestMain(m *testing.M) {
	if args := os.Getenv(asServer); args != "" {
		var list []string
		if err := json.Unmarshal([]byte(args), &list); err != nil {
			panic(err)
		}
		os.Args = append(os.Args[:1], list...)
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// environment makes a process of this test binary run the command with args;
// env are variables of its own. Under the race detector a process waits for a
// second before it ends, unless told not to.
func environment(t *testing.T, env []string, args ...string) []string {
	t.Helper()
	list, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(os.Environ(), "GORACE=atexit_sleep_ms=0", asServer+"="+string(list)), env...)
}

// fanfare is a command in a process of its own, with its log.
type fanfare struct {
	*exec.Cmd
	t *testing.T

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced at each line
}

// command prepares a process; env are variables of its own.
func command(t *testing.T, env []string, args ...string) *fanfare {
	t.Helper()
	f := &fanfare{Cmd: exec.CommandContext(t.Context(), os.Args[0]), t: t, more: make(chan struct{})}
	f.Env = environment(t, env, args...)
	return f
}

// launch starts the process and reads its log.
func (f *fanfare) launch() {
	f.t.Helper()
	log, err := f.StderrPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = f.Process.Kill() })
	go func() {
		for in := bufio.NewScanner(log); in.Scan(); {
			f.note(in.Text())
		}
	}()
}

// note adds a line of the log.
func (f *fanfare) note(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, line)
	close(f.more)
	f.more = make(chan struct{})
}

// line waits for a line of the log from the nth on that matches, and returns it
// and the number of the next.
func (f *fanfare) line(from int, pattern string) (match []string, next int) {
	f.t.Helper()
	want := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		f.mu.Lock()
		lines, more := f.lines, f.more
		f.mu.Unlock()
		for ; from < len(lines); from++ {
			if m := want.FindStringSubmatch(lines[from]); m != nil {
				return m, from + 1
			}
		}
		select {
		case <-more:
		case <-deadline:
			f.t.Fatalf("no line of the log matches %s:\n%s", pattern, strings.Join(lines, "\n"))
		}
	}
}

func (f *fanfare) signal(s syscall.Signal) {
	f.t.Helper()
	if err := f.Process.Signal(s); err != nil {
		f.t.Fatal(err)
	}
}

// process starts fanfare serve and returns it with the address it serves on.
func process(t *testing.T, env ...string) (*fanfare, string) {
	t.Helper()
	f := command(t, env, "serve", "--listen=127.0.0.1:0", "--metrics-listen=")
	f.launch()
	m, _ := f.line(0, `msg=serving .*listen=(\S+)`)
	return f, "http://" + m[1]
}

// A log gets one line; nothing to paste, and nothing on standard output.
func TestServe_WithoutATerminal_SaysInOneLineWhatItServes(t *testing.T) {
	f := command(t, []string{"FANFARE_SOCKETS_MAX_CONNECTIONS=77"}, "serve", "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0", "--app-id=shop", "--app-key=shop-key", "--app-secret=hunter2")
	var out strings.Builder
	f.Stdout = &out
	f.launch()
	f.line(0, `level=INFO msg=serving version=\S+ listen=127\.0\.0\.1:\d+ metrics=127\.0\.0\.1:\d+ tls=false nodes=1 transport=(?:io_uring|epoll) apps=1 max_connections=77 open_files=\d+$`)
	f.signal(syscall.SIGTERM)
	if err := f.Wait(); err != nil {
		t.Error(err)
	}
	if out.Len() > 0 {
		t.Errorf("standard output has %q", out.String())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if log := strings.Join(f.lines, "\n"); strings.Contains(log, "hunter2") || strings.Contains(log, "signature") {
		t.Errorf("the log has a secret:\n%s", log)
	}
}
