package metrics

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
)

func profile(t *testing.T, s *httptest.Server, path string) (status int, body string) {
	t.Helper()
	res, err := s.Client().Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestProfiles_AreThereWhileTheyAreOn(t *testing.T) {
	var on atomic.Bool
	h := Server(WithProfiles(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the others") }), on.Load))
	s := httptest.NewUnstartedServer(nil)
	s.Config = h
	// As those of scrapes, which a profile would outlast.
	h.ReadTimeout, h.WriteTimeout = 500*time.Millisecond, 500*time.Millisecond
	s.Start()
	defer s.Close()
	if status, body := profile(t, s, "/debug/pprof/heap"); status != http.StatusNotFound || !strings.Contains(body, "metrics.pprof") {
		t.Errorf("off: %d %s", status, body)
	}
	on.Store(true)
	if status, body := profile(t, s, "/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(body, "goroutine profile: total") {
		t.Errorf("goroutine: %d %s", status, body)
	}
	if status, body := profile(t, s, "/debug/pprof/profile?seconds=1"); status != http.StatusOK || !strings.HasPrefix(body, "\x1f\x8b") {
		t.Errorf("profile: %d %.100q", status, body)
	}
	if status, body := profile(t, s, "/debug/pprof/cmdline"); status != http.StatusNotFound || strings.Contains(body, "-test") {
		t.Errorf("the command line: %d %s", status, body)
	}
	if status, body := profile(t, s, "/metrics"); status != http.StatusOK || body != "the others" {
		t.Errorf("the others: %d %s", status, body)
	}
}

// A profile that is being taken is not disturbed by another, and ends with its
// caller.
func TestProfiles_OneAtATime(t *testing.T) {
	s := httptest.NewServer(WithProfiles(http.NotFoundHandler(), func() bool { return true }))
	defer s.Close()
	taking := make(chan error, 1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/debug/pprof/trace?seconds=100", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Client().Do(req) // the head comes at once
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := io.Copy(io.Discard, res.Body)
		taking <- err
	}()
	if status, _ := profile(t, s, "/debug/pprof/heap"); status != http.StatusTooManyRequests {
		t.Errorf("beside another: %d", status)
	}
	_ = res.Body.Close()
	<-taking
	for status := http.StatusTooManyRequests; status != http.StatusOK; {
		if status, _ = profile(t, s, "/debug/pprof/heap"); status != http.StatusOK && status != http.StatusTooManyRequests {
			t.Fatalf("afterwards: %d", status)
		}
	}
}

// Whoever sends a body, and does not send all of it, keeps the turn from nobody.
func TestProfiles_RequestWithABody_TakesNoTurn(t *testing.T) {
	s := httptest.NewServer(WithProfiles(http.NotFoundHandler(), func() bool { return true }))
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(deadline.Long))
	if _, err := io.WriteString(conn, "POST /debug/pprof/symbol HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n0x1"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("answer %d", res.StatusCode)
	}
}
