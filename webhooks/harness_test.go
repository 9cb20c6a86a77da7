package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

// testApp signs with the key of the test vectors.
func testApp(id string) apps.App {
	app := apps.Default()
	app.ID = id
	app.Keys = []apps.Key{
		{Key: id + "-key", Secret: "7ad3773142a6692b25b8"},
		{Key: id + "-newer", Secret: "newer-secret"},
	}
	return app
}

func testRegistry(t testing.TB) *apps.Registry {
	t.Helper()
	r, err := apps.NewRegistry([]apps.App{testApp("a"), testApp("b"), testApp("none")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// outside stands for the network: a transport that records requests and
// answers them as told.
type outside struct {
	// answer gives the status of the nth request, from 1; nil is always 200.
	answer func(n int, r *http.Request) (int, error)

	mu       sync.Mutex
	began    time.Time
	requests []request
}

type request struct {
	at     time.Duration // since the test began
	header http.Header
	body   string
	host   string
}

// RoundTrip implements http.RoundTripper.
func (o *outside) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	o.requests = append(o.requests, request{time.Since(o.began), r.Header.Clone(), string(body), r.URL.Host})
	n := len(o.requests)
	o.mu.Unlock()
	status := 200
	if o.answer != nil {
		if status, err = o.answer(n, r); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok"))}, nil
}

func (o *outside) seen() []request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.requests)
}

// forget forgets the requests so far.
func (o *outside) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests = nil
}

// bodies are the events of each request, without the frame around them.
func (o *outside) bodies() []string {
	var out []string
	for _, r := range o.seen() {
		out = append(out, eventsOf(r.body))
	}
	return out
}

func eventsOf(body string) string {
	_, events, _ := strings.Cut(body, `"events":[`)
	return strings.TrimSuffix(events, "]}")
}

// during runs a test with a clock of its own, a Sender for app a, and what is
// outside of it.
func during(t *testing.T, cfg Config, o *outside, test func(t *testing.T, s *Sender)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.began = time.Now()
		s := newTest(t, cfg, o)
		run(t, s)
		test(t, s)
	})
}

func newTest(t testing.TB, cfg Config, o http.RoundTripper) *Sender {
	t.Helper()
	cfg.Apps = testRegistry(t)
	if cfg.Endpoints == nil {
		cfg.Endpoints = map[string][]Endpoint{"a": {{URL: "http://hooks.test/"}}}
	}
	if cfg.Random == nil {
		cfg.Random = func() float64 { return 0.5 } // no jitter
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	cfg.transport = o
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs s until the end of the test, or until stop.
func run(t testing.TB, s *Sender) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// pass lets time go by in a test with a clock of its own.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

var errReset = errors.New("connection reset by peer")

// notices of app a
func occupied(channel string) channels.Notice { return notice(channels.ChannelOccupied, channel, "") }

func vacated(channel string) channels.Notice { return notice(channels.ChannelVacated, channel, "") }

func added(channel, user string) channels.Notice {
	return notice(channels.MemberAdded, channel, user)
}

func removed(channel, user string) channels.Notice {
	return notice(channels.MemberRemoved, channel, user)
}

func notice(k channels.NoticeKind, channel, user string) channels.Notice {
	app := testApp("a")
	return channels.Notice{Kind: k, App: &app, Channel: channel, UserID: user}
}

func clientEvent(channel, event, data string) channels.Notice {
	n := notice(channels.ClientEvent, channel, "")
	n.Event, n.Data, n.SocketID = event, []byte(data), pusherproto.SocketID{A: 1234, B: 5678}
	return n
}

// numbered is the nth of many events on one channel.
func numbered(n int) channels.Notice {
	return clientEvent("private-x", "client-e", fmt.Sprintf(`"%d"`, n))
}

// droppedOf is how many events an endpoint has lost in all.
func droppedOf(st EndpointStats) (n uint64) {
	for _, d := range st.Dropped {
		n += d.Events
	}
	return n
}

// eventually waits until ok, in tests on the real clock.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(deadline.Long)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}
