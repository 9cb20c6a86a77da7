//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// limited is a fanfare in a process of its own that may open few files.
type limited struct {
	t       *testing.T
	base    string // http://host:port
	metrics string
	log     *lines
}

// lines is a log that is written and read at the same time.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func startLimited(t *testing.T, files int, env ...string) *limited {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n `+strconv.Itoa(files)+` && exec "$0"`, os.Args[0])
	cmd.Env = environment(t, env, "serve", "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0")
	s := &limited{t: t, log: &lines{}}
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log)
		}
	})
	serving := regexp.MustCompile(`msg=serving .*listen=(\S+) metrics=(\S+)`)
	eventually(t, "the server says where it serves", func() bool {
		m := serving.FindStringSubmatch(s.log.String())
		if m != nil {
			s.base, s.metrics = "http://"+m[1], "http://"+m[2]+"/metrics"
		}
		return m != nil
	})
	return s
}

// open connects n sockets and returns those that got in and those that were
// refused, with 4100 or with status 503. 503 comes on a slow machine, where those
// refused before are not closed yet and no descriptor is left; it leaves nil. All
// others stay connected, and send nothing more.
func (s *limited) open(n int) (in, out []net.Conn) {
	s.t.Helper()
	type result struct {
		conn net.Conn
		text string
		err  error
	}
	results := make(chan result)
	// While descriptors are short the server cuts handshakes that take a second, and
	// on a slow machine those of a crowd do.
	few := make(chan struct{}, 32)
	for range n {
		go func() {
			few <- struct{}{}
			defer func() { <-few }()
			ctx, cancel := context.WithTimeout(s.t.Context(), patience)
			defer cancel()
			url := strings.Replace(s.base, "http", "ws", 1) + "/app/app-key?protocol=7"
			conn, early, _, err := ws.Dial(ctx, url)
			if wasCut(err) { // as a client does
				conn, early, _, err = ws.Dial(ctx, url)
			}
			if err != nil {
				results <- result{err: err}
				return
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			from := io.Reader(conn)
			if early != nil {
				from = io.MultiReader(early, conn)
			}
			text, err := wsutil.ReadServerText(struct {
				io.Reader
				io.Writer
			}{from, conn})
			results <- result{conn, string(text), err}
		}()
	}
	for range n {
		r := <-results
		switch {
		case r.err == ws.StatusError(http.StatusServiceUnavailable):
			out = append(out, nil)
		case r.err != nil:
			s.t.Errorf("a socket was neither let in nor refused: %v", r.err)
		case strings.Contains(r.text, "connection_established"):
			in = append(in, r.conn)
		case strings.Contains(r.text, `"code":4100`):
			out = append(out, r.conn)
		default:
			s.t.Errorf("a socket was told %s", r.text)
		}
		if r.conn != nil {
			s.t.Cleanup(func() { _ = r.conn.Close() })
		}
	}
	return in, out
}

// wasCut reports whether a connection ended before it had an answer.
func wasCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// works fails the test if health, metrics or the API do not.
func (s *limited) works(when string) (metrics string) {
	s.t.Helper()
	for _, url := range []string{s.base + "/healthz", s.metrics} {
		res, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Get(url)
		if err != nil {
			s.t.Errorf("%s: %v", when, err)
			continue
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			s.t.Errorf("%s: %s answers %d %s, %v", when, url, res.StatusCode, body, err)
		}
		metrics = string(body)
	}
	if out, err := execute(s.t, "trigger", "--url", s.base, "--channel", "c", "--event", "e", "--data", "{}"); err != nil {
		s.t.Errorf("%s: trigger: %s, %v", when, out, err)
	}
	return metrics
}

func TestDescriptors_MoreSocketsThanTheyAllow_TheRestStillWorks(t *testing.T) {
	for _, transport := range []string{"auto", "goroutine"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			s := startLimited(t, 256, "FANFARE_SOCKETS_TRANSPORT="+transport)
			const most = 192 // of 256, by newCapacity
			in, out := s.open(400)
			if len(in) != most || len(out) != 400-most {
				t.Fatalf("%d sockets got in and %d were refused, want %d and %d", len(in), len(out), most, 400-most)
			}
			for _, want := range []string{`fanfare_sockets{app="app-id"} 192`, "fanfare_max_connections 192"} {
				if m := s.works("full"); !strings.Contains(m, want+"\n") {
					t.Errorf("the metrics have no %s", want)
				}
			}
			if n := s.log.count("connection refused"); n == 0 || s.log.count("ulimit -n") != n {
				t.Errorf("%d warnings that sockets are refused, want some that say how to raise the limit", n)
			}

			s.crowd(300)
			s.works("full, and crowded by idle connections")

			for _, conn := range append(in[:100], out...) {
				if conn != nil {
					_ = conn.Close()
				}
			}
			eventually(t, "a hundred have left", func() bool {
				_, m := get(t, s.metrics)
				return strings.Contains(m, `fanfare_sockets{app="app-id"} 92`+"\n")
			})
			s.works("a hundred have left")
			if in, out := s.open(100); len(in) != 100 || len(out) != 0 {
				t.Errorf("of a hundred in their place %d got in and %d were refused", len(in), len(out))
			}
			s.works("full again")
		})
	}
}

// crowd opens n connections that send a request each, over HTTP/1.1 and on to
// the next, and leave it at that. Some are for the loops, some for net/http.
func (s *limited) crowd(n int) {
	s.t.Helper()
	address := strings.TrimPrefix(s.base, "http://")
	for i := range n {
		conn, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		method, path := "GET", "/healthz"
		if i%2 == 0 {
			method, path = "POST", "/apps/none/events"
		}
		if i%3 == 0 {
			continue // never says a word
		}
		_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", method, path)
	}
}

// Connections between two requests are closed for sockets, however many there are.
func TestDescriptors_IdleConnections_KeepNobodyOut(t *testing.T) {
	for _, transport := range []string{"auto", "goroutine"} {
		t.Run(transport, func(t *testing.T) {
			s := startLimited(t, 700, "FANFARE_SOCKETS_MAX_CONNECTIONS=300", "FANFARE_SOCKETS_TRANSPORT="+transport)
			address := strings.TrimPrefix(s.base, "http://")
			answered := 0
			ask := func() error {
				conn, err := net.DialTimeout("tcp", address, patience)
				if err != nil {
					return err
				}
				t.Cleanup(func() { _ = conn.Close() })
				_ = conn.SetDeadline(time.Now().Add(patience))
				if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					return err
				}
				_, err = http.ReadResponse(bufio.NewReader(conn), nil)
				return err
			}
			for range 800 {
				err := ask()
				if wasCut(err) { // this test waited a second for a processor before it asked
					err = ask()
				}
				if err == nil {
					answered++
				}
			}
			if answered != 800 {
				t.Errorf("%d of 800 requests were answered", answered)
			}
			if in, out := s.open(320); len(in) != 300 || len(out) != 20 {
				t.Errorf("%d sockets got in and %d were refused, want 300 and 20", len(in), len(out))
			}
			s.works("full, with many idle connections before")
		})
	}
}

// Requests whose body never comes are net/http's if they are chunked, or of no
// route that reads one.
func TestDescriptors_RequestsWhoseBodyDoesNotCome_TakeThemFromNobody(t *testing.T) {
	for _, transport := range []string{"auto", "goroutine"} {
		t.Run(transport, func(t *testing.T) {
			s := startLimited(t, 128, "FANFARE_HTTP_BODY_TIMEOUT=10m", "FANFARE_SOCKETS_TRANSPORT="+transport)
			in, _ := s.open(64)
			address := strings.TrimPrefix(s.base, "http://")
			for i := range 120 {
				conn, err := net.DialTimeout("tcp", address, patience)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close() })
				_ = conn.SetDeadline(time.Now().Add(patience))
				if i%2 == 0 {
					_, _ = io.WriteString(conn, "POST /apps/app-id/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n")
				} else {
					_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n5\r\n")
				}
			}
			eventually(t, "health is answered", func() bool {
				res, err := (&http.Client{Timeout: patience / 4, Transport: &http.Transport{DisableKeepAlives: true}}).Get(s.base + "/healthz")
				if err == nil {
					_ = res.Body.Close()
				}
				return err == nil && res.StatusCode == http.StatusOK
			})
			s.works("crowded by requests whose body does not come")
			if len(in) != 64 {
				t.Errorf("%d sockets got in, want 64", len(in))
			}
			for _, conn := range in {
				if err := wsutil.WriteClientText(conn, []byte(`{"event":"pusher:ping","data":{}}`)); err != nil {
					t.Fatalf("an open socket was closed: %v", err)
				}
				if pong, err := wsutil.ReadServerText(conn); err != nil || !strings.Contains(string(pong), "pusher:pong") {
					t.Fatalf("an open socket answers %s, %v", pong, err)
				}
			}
		})
	}
}

// Nobody reads the answers of metrics, nor asks for any.
func TestDescriptors_ConnectionsToTheMetrics_TakeThemFromNobody(t *testing.T) {
	s := startLimited(t, 128)
	address, _, _ := strings.Cut(strings.TrimPrefix(s.metrics, "http://"), "/")
	for i := range 200 {
		conn, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if i%2 == 0 {
			_, _ = io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
		}
	}
	if in, _ := s.open(64); len(in) != 64 {
		t.Errorf("%d sockets got in, want 64", len(in))
	}
	s.works("the metrics have two hundred connections")
}

func TestDescriptors_ABoundThatDoesNotFit_IsWarnedAboutAtStart(t *testing.T) {
	s := startLimited(t, 128, "FANFARE_SOCKETS_MAX_CONNECTIONS=1000")
	if in, out := s.open(80); len(in) != 64 || len(out) != 16 {
		t.Errorf("%d sockets got in and %d were refused, want 64 and 16", len(in), len(out))
	}
	if s.log.count("1000 connections are configured, and the limit of 128 open files leaves room for 64 sockets") != 1 {
		t.Error("there is no warning at start")
	}
	s.works("full")
}
