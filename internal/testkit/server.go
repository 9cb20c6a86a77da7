package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/account"
	"fanfare/internal/testkit/deadline"
	"fanfare/sockets"
)

// Patience bounds every wait of the kit.
var Patience = deadline.Long

// Portable is the environment variable that runs every test without epoll
// and without loops that answer HTTP.
const Portable = "FANFARE_TEST_PORTABLE"

// Options say what server to start. The zero value is one with the app App().
type Options struct {
	Apps    []apps.App
	Hub     channels.Config
	Sockets sockets.Config
	// Account is of all parts; nil is one without a bound.
	Account *account.Account
	// HTTP changes the configuration of the HTTP side before it is made.
	HTTP func(*httpapi.Config)
	// Leaks fails the test if goroutines outlive the server. Not for tests
	// that run in parallel with others.
	Leaks bool
}

// App is an app like the default one, with the id app-id, the key app-key and
// the secret app-secret, after the given changes.
func App(change ...func(*apps.App)) apps.App {
	app := apps.Default()
	app.ID = "app-id"
	app.Keys = []apps.Key{{Key: "app-key", Secret: "app-secret"}}
	for _, f := range change {
		f(&app)
	}
	return app
}

// Server is a running server on a free port of the loopback interface.
type Server struct {
	Addr    string // host:port
	Apps    *apps.Registry
	Hub     *channels.Hub
	Sockets *sockets.Server
	API     *httpapi.Server
	Account *account.Account

	client *http.Client
	now    func() time.Time
}

// Start starts a server that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Leaks {
		before := goleak.IgnoreCurrent()
		t.Cleanup(func() { goleak.VerifyNone(t, before) })
	}
	if len(o.Apps) == 0 {
		o.Apps = []apps.App{App()}
	}
	s := &Server{client: &http.Client{Transport: &http.Transport{}, Timeout: Patience}, now: time.Now}
	var err error
	if s.Apps, err = apps.NewRegistry(o.Apps); err != nil {
		t.Fatalf("apps: %v", err)
	}
	if os.Getenv(Portable) != "" {
		o.Sockets.Portable = true
	}
	if s.Account = o.Account; s.Account == nil {
		s.Account = account.New(0)
	}
	o.Hub.Account, o.Sockets.Account = s.Account, s.Account
	s.Hub = channels.New(o.Hub)
	if s.Sockets, err = sockets.New(o.Sockets, s.Hub); err != nil {
		t.Fatalf("sockets: %v", err)
	}
	cfg := httpapi.Config{Apps: s.Apps, Hub: s.Hub, Sockets: s.Sockets, Account: s.Account, Now: o.Hub.Now}
	if o.HTTP != nil {
		o.HTTP(&cfg)
	}
	if cfg.Now != nil {
		s.now = cfg.Now
	}
	if s.API, err = httpapi.New(cfg); err != nil {
		t.Fatalf("httpapi: %v", err)
	}
	s.run(t)
	return s
}

// run starts the parts of the server and has the test end them.
func (s *Server) run(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	s.Addr = listener.Addr().String()
	if listener, err = s.Sockets.Front(listener, s.API.FrontConfig()); err != nil {
		t.Fatalf("front: %v", err)
	}
	server := s.API.HTTPServer()
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { report(t, "hub", s.Hub.Run(ctx)) })
	parts.Go(func() { report(t, "sockets", s.Sockets.Run(ctx)) })
	parts.Go(func() { report(t, "http", server.Serve(listener)) })
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		_ = server.Close()
		cancel()
		parts.Wait()
		if n := account.Connections; !t.Failed() { // net/http says last that its connections are gone
			Eventually(t, "no connection is counted", func() bool { return s.Account.Count(n) == 0 && s.Account.BytesOf(n) == 0 })
		}
		s.nothingHeld(t)
	})
}

// nothingHeld wants that a server whose clients are gone holds nothing for them.
func (s *Server) nothingHeld(t testing.TB) {
	t.Helper()
	var left []string
	empty := func() bool {
		left = nil
		for _, k := range []account.Kind{account.Receives, account.Sockets, account.Messages, account.Queues} {
			if n, bytes := s.Account.Count(k), s.Account.BytesOf(k); n != 0 || bytes != 0 {
				left = append(left, fmt.Sprintf("%d %s of %d bytes", n, k, bytes))
			}
		}
		return len(left) == 0
	}
	for end := time.Now().Add(Patience); !empty(); time.Sleep(2 * time.Millisecond) { // handlers of net/http may be returning
		if time.Now().After(end) {
			t.Errorf("left in the account at the end: %v", left)
			return
		}
	}
}

func report(t testing.TB, part string, err error) {
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, context.Canceled) {
		t.Errorf("%s: %v", part, err)
	}
}

// Eventually waits until ok returns true, for what nothing on the wire tells.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("after %v still not: %s", Patience, what)
		}
	}
}
