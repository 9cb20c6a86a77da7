package httpapi

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/sockets"
)

// A fault of ours costs the caller a 500 and leaves one line in the log.
func TestPanic_AnsweredAndLogged(t *testing.T) {
	app := apps.Default()
	app.ID, app.Keys = "a", []apps.Key{{Key: "k", Secret: "s"}}
	registry, err := apps.NewRegistry([]apps.App{app})
	if err != nil {
		t.Fatal(err)
	}
	hub := channels.New(channels.Config{})
	loops, err := sockets.New(sockets.Config{Loops: 1}, hub)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := loops.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	var log bytes.Buffer
	s, err := New(Config{Apps: registry, Hub: hub, Sockets: loops, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.router.handle(reads, "/panic", func(*exchange) error { panic("out of cheese") })
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/panic", nil))
	if got, want := w.Body.String(), `{"error":"internal error","code":500}`; w.Code != 500 || got != want {
		t.Errorf("got %d %s, want 500 %s", w.Code, got, want)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "out of cheese") || !strings.Contains(text, "panic_test.go") {
		t.Errorf("the log holds %q", text)
	}
}
