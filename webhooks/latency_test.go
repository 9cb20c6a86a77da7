package webhooks_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/testkit"
	"fanfare/webhooks"
)

// What a socket notices of webhooks: a client event from one socket to
// another, while every event is also told to an endpoint that is well, hangs
// or resets connections. The same way through a server without webhooks is
// measured in turn with it, message by message: on a machine that others use,
// two runs one after the other differ by more than webhooks cost. One run says
// little even so. Compare the spread of many (-count) with that of
// webhooks=without, where both servers are alike.
func BenchmarkClientEvent(b *testing.B) {
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc // nil is without webhooks: what the method itself adds
		stored bool
	}{
		{"webhooks=without", nil, false},
		{"webhooks=answered", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, false},
		{"webhooks=hanging", hang, false},
		{"webhooks=reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
		{"webhooks=hanging,stored", hang, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			app := testkit.App(func(a *apps.App) { a.Limits.ClientEventsPerSecond = 0 })
			with := testkit.Options{Apps: []apps.App{app}}
			if c.answer != nil {
				store := ""
				if c.stored {
					store = b.TempDir() + "/hooks.db"
				}
				with.Hub.Observers = []channels.Observer{sender(b, app, c.answer, store)}
			}
			measure(b, testkit.Options{Apps: []apps.App{app}}, with)
		})
	}
}

func sender(b *testing.B, app apps.App, answer http.HandlerFunc, store string) *webhooks.Sender {
	b.Helper()
	endpoint := httptest.NewServer(answer)
	registry, err := apps.NewRegistry([]apps.App{app})
	if err != nil {
		b.Fatal(err)
	}
	s, err := webhooks.New(webhooks.Config{
		Apps:      registry,
		Store:     store,
		Endpoints: map[string][]webhooks.Endpoint{app.ID: {{URL: endpoint.URL, BatchInterval: 100 * time.Millisecond}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	b.Cleanup(func() {
		st := s.Stats().Endpoints[0]
		b.Logf("queued %d sent %d dropped %v failed %d", st.Queued, st.Sent, st.Dropped, st.Failed)
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		endpoint.CloseClientConnections()
		endpoint.Close()
	})
	return s
}

// measure sends client events through both servers in turn and reports the
// median and the 99th percentile of each. Of two servers alike, the one set up
// second measures faster, for reasons not known; so chance decides which is
// which, and only many runs together mean something.
func measure(b *testing.B, without, with testkit.Options) {
	names, options := [2]string{"without", "with"}, [2]testkit.Options{without, with}
	if rand.N(2) == 0 {
		names[0], names[1] = names[1], names[0]
		options[0], options[1] = options[1], options[0]
	}
	var ways [2]*way
	for i := range ways {
		ways[i] = newWay(b, testkit.Start(b, options[i]))
	}
	for i := 0; b.Loop(); i++ {
		ways[i%2].send(i) // each goes first in every other pair
		ways[(i+1)%2].send(i)
	}
	for i, name := range names {
		took := ways[i].took
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "µs-median-"+name)
		b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, "µs-p99-"+name)
	}
}

// way is a pair of sockets on one server.
type way struct {
	from, to *testkit.Client
	took     []time.Duration
}

func newWay(b *testing.B, srv *testkit.Server) *way {
	b.Helper()
	w := &way{from: testkit.Dial(b, srv), to: testkit.Dial(b, srv)}
	w.from.Subscribe("private-x")
	w.to.Subscribe("private-x")
	return w
}

func (w *way) send(i int) {
	text := `{"event":"client-e","channel":"private-x","data":"` + strconv.Itoa(i) + `"}`
	began := time.Now()
	w.from.Send(text)
	w.to.Expect(text)
	w.took = append(w.took, time.Since(began))
}
