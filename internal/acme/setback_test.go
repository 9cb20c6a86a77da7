package acme

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// refusing is an ACME server that refuses every account, and counts how often
// it is asked.
type refusing struct {
	*httptest.Server
	asked      atomic.Int32
	retryAfter string
}

func refuse(t *testing.T) *refusing {
	t.Helper()
	r := &refusing{}
	mux := http.NewServeMux()
	mux.HandleFunc("/directory", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"newNonce": "%[1]s/nonce", "newAccount": "%[1]s/account", "newOrder": "%[1]s/order"}`, r.URL)
	})
	mux.HandleFunc("/nonce", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Replay-Nonce", "n") })
	mux.HandleFunc("/account", func(w http.ResponseWriter, _ *http.Request) {
		r.asked.Add(1)
		w.Header().Set("Replay-Nonce", "n")
		w.Header().Set("Retry-After", r.retryAfter)
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "come back later"}`)
	})
	r.Server = httptest.NewServer(mux)
	t.Cleanup(r.Close)
	return r
}

// process is a Keeper as a process has it that has just started.
func process(t *testing.T, storage, directory string, log io.Writer, change func(*Config)) *Keeper {
	t.Helper()
	cfg := Config{
		Domains: []string{"a.example"}, Directory: directory, Storage: storage,
		Use: func(*tls.Certificate) {}, Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	k, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.http.CloseIdleConnections)
	return k
}

func TestSetback_ProcessThatStartsAgain_WaitsAsBefore(t *testing.T) {
	server, storage := refuse(t), t.TempDir()
	at := server.URL + "/directory"
	if err := process(t, storage, at, io.Discard, nil).attempt(t.Context(), false); err == nil || server.asked.Load() != 1 {
		t.Fatalf("the first attempt: %v, asked %d times", err, server.asked.Load())
	}
	var log bytes.Buffer
	k := process(t, storage, at, &log, nil)
	for range 3 {
		if err := k.attempt(t.Context(), false); !errors.Is(err, errEarly) {
			t.Fatalf("the attempt of a process that starts again: %v", err)
		}
		k.tellEarly(time.Until(k.failed.Next))
	}
	if wait := time.Until(k.failed.Next); server.asked.Load() != 1 || wait > firstPause+firstPause/10 {
		t.Errorf("it has asked %d times and waits %v", server.asked.Load(), wait)
	}
	for _, want := range []string{"level=ERROR", "come back later", "failed=1", "fanfare reload", `expires="there is none"`} {
		if !strings.Contains(log.String(), want) || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("want one line with %q:\n%s", want, log.String())
		}
	}

	// Who asks for an attempt gets one, and the next pause is longer.
	if err := k.attempt(t.Context(), true); err == nil || errors.Is(err, errEarly) || server.asked.Load() != 2 {
		t.Errorf("an attempt that was asked for: %v, asked %d times", err, server.asked.Load())
	}
	again := process(t, storage, at, io.Discard, nil)
	if err := again.attempt(t.Context(), false); !errors.Is(err, errEarly) || again.failed.Failed != 2 || time.Until(again.failed.Next) < 2*firstPause {
		t.Errorf("after the second failure: %v, %+v", err, again.failed)
	}
	// Another order than the one that failed is tried at once.
	other := process(t, storage, at, io.Discard, func(c *Config) { c.Email = "admin@a.example" })
	if err := other.attempt(t.Context(), false); errors.Is(err, errEarly) || server.asked.Load() != 3 || other.failed.Failed != 1 {
		t.Errorf("with another address: %v, %+v", err, other.failed)
	}
}

func TestSetback_ACMEServerSaysWhen_KeptToo(t *testing.T) {
	server, storage := refuse(t), t.TempDir()
	server.retryAfter = "7200"
	at := server.URL + "/directory"
	_ = process(t, storage, at, io.Discard, nil).attempt(t.Context(), false)
	k := process(t, storage, at, io.Discard, nil)
	if err := k.attempt(t.Context(), false); !errors.Is(err, errEarly) || time.Until(k.failed.Next) < 110*time.Minute {
		t.Errorf("%v; it waits until %v", err, k.failed.Next)
	}
}

// What never reached the ACME server counts nowhere, so the next process tries.
func TestSetback_ACMEServerAway_NotKept(t *testing.T) {
	server, storage := refuse(t), t.TempDir()
	at := server.URL + "/directory"
	server.Close()
	for range 2 {
		k := process(t, storage, at, io.Discard, nil)
		if err := k.attempt(t.Context(), false); err == nil || errors.Is(err, errEarly) || k.failed.Failed != 1 {
			t.Errorf("%v, %+v", err, k.failed)
		}
		if err := k.attempt(t.Context(), false); !errors.Is(err, errEarly) {
			t.Errorf("the process itself does not wait: %v", err)
		}
	}
}

func TestSetback_OfABrokenOffAttempt_IsKept(t *testing.T) {
	s := share(t)
	k := process(t, t.TempDir(), directory, io.Discard, nil)
	now := time.Now()
	if err := s.folder.keepSetback(setback{}.again(k.cfg.purpose(), now)); err != nil {
		t.Fatal(err)
	}
	if got := s.folder.setback(k.cfg.purpose(), now); got.Failed != 1 || got.Next.Before(now.Add(firstPause-time.Second)) {
		t.Errorf("it is read as %+v", got)
	}
	if got := s.folder.setback("other", now); got.Failed != 0 {
		t.Errorf("for another purpose it is %+v", got)
	}
	if got := s.folder.setback(k.cfg.purpose(), now.Add(-time.Hour)); got.Failed != 0 {
		t.Errorf("from a clock that was ahead it is %+v", got)
	}
}

func TestSetback_Pauses_AreThreeTimesAsLong(t *testing.T) {
	var s setback
	now := time.Now()
	for _, want := range []time.Duration{1, 3, 9, 27, 60, 60} {
		s = s.again("p", now)
		if got := s.Next.Sub(now); got < want*time.Minute || got > want*time.Minute*11/10 {
			t.Errorf("after %d failures the pause is %v, want %v minutes and a tenth", s.Failed, got, int(want))
		}
	}
}
