package webhooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/internal/account"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

// mostHangs is how often an endpoint lets an attempt take its whole time.
const mostHangs = 8

// bad is an endpoint on a real port that treats requests in every way there
// is. Only what it answered 200 counts as received.
type bad struct {
	t      *testing.T
	listen net.Listener

	mu       sync.Mutex
	random   *rand.Rand
	tame     bool // answer everything
	accepted []string
	seen     []string // whatever arrived whole, accepted or not
	manners  map[string]int
}

func (b *bad) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender gave up
	}
	if want := pusherproto.SignWebhook("7ad3773142a6692b25b8", body); r.Header.Get("X-Pusher-Signature") != want {
		b.t.Errorf("signed %s, want %s: %s", r.Header.Get("X-Pusher-Signature"), want, body)
	}
	var hook struct{ Events []struct{ Data string } }
	if err := json.Unmarshal(body, &hook); err != nil {
		b.t.Errorf("%v: %s", err, body)
	}
	b.mu.Lock()
	manner := []string{"good", "good", "good", "500", "404", "redirect", "hang", "reset", "cut short", "slow", "lost answer"}[b.random.IntN(11)]
	if b.tame || manner == "hang" && b.manners[manner] == mostHangs {
		manner = "good"
	}
	b.manners[manner]++
	for _, e := range hook.Events {
		b.seen = append(b.seen, e.Data)
		if manner == "good" || manner == "slow" {
			b.accepted = append(b.accepted, e.Data)
		}
	}
	b.mu.Unlock()
	b.treat(w, r, manner)
}

func (b *bad) treat(w http.ResponseWriter, r *http.Request, manner string) {
	switch manner {
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
	case "404":
		w.WriteHeader(http.StatusNotFound)
	case "redirect":
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	case "hang":
		<-r.Context().Done()
	case "slow":
		select {
		case <-time.After(20 * time.Millisecond):
		case <-r.Context().Done():
		}
	case "reset", "cut short", "lost answer":
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			b.t.Errorf("hijack: %v", err)
			return
		}
		if manner == "cut short" {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 O")
		}
		if manner == "reset" {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
	}
}

// up serves on the endpoint's port until the returned function is called.
func (b *bad) up(address string) (down func()) {
	var err error
	if b.listen, err = net.Listen("tcp", address); err != nil {
		b.t.Fatal(err)
	}
	s := &http.Server{Handler: b, ReadHeaderTimeout: deadline.Long}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(b.listen) }()
	return func() {
		_ = s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			b.t.Errorf("serve: %v", err)
		}
	}
}

// The schedule is a hundredth of the real one: an outage of 200 ms stands for
// one of 20 s.
func TestChaos_EveryEventArrivesInOrder(t *testing.T) {
	for name, interval := range map[string]time.Duration{"one by one": 0, "batched": 10 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			const events = 200
			b := &bad{t: t, random: rand.New(rand.NewPCG(3, 4)), manners: map[string]int{}}
			down := b.up("127.0.0.1:0")
			address := b.listen.Addr().String()
			s := newTest(t, Config{
				Timeout:   250 * time.Millisecond,
				Retry:     Retry{First: 10 * time.Millisecond, Most: 200 * time.Millisecond, GiveUp: time.Hour},
				Random:    rand.Float64,
				Store:     storeFile(t),
				Endpoints: map[string][]Endpoint{"a": {{URL: "http://" + address, BatchInterval: interval}}},
			}, nil)
			stop := run(t, s)
			var want []string
			pace := time.NewTicker(time.Millisecond)
			defer pace.Stop()
			for i := range events {
				<-pace.C
				n := numbered(i)
				s.Observe(n)
				want = append(want, string(n.Data[1:len(n.Data)-1]))
				switch i {
				case events / 4: // gone for a while
					eventually(t, "some events arrive", func() bool { return s.Stats().Endpoints[0].Sent > 0 })
					down()
					failed := s.Stats().Endpoints[0].Failed
					eventually(t, "attempts fail", func() bool { return s.Stats().Endpoints[0].Failed > failed+3 })
					down = b.up(address)
				case events - 1:
					eventually(t, "most events arrive", func() bool { return s.Stats().Endpoints[0].Sent > events/3 })
					b.mu.Lock()
					b.tame = true
					b.mu.Unlock()
				}
			}
			eventually(t, "all are delivered", func() bool { return s.Stats().Endpoints[0].Queued == 0 })
			stop()
			down()

			st := s.Stats().Endpoints[0]
			if st.Sent != events || droppedOf(st) != 0 || st.Failed == 0 {
				t.Errorf("%+v", st)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			t.Logf("treated %v, %d attempts failed", b.manners, st.Failed)
			if diff := cmp.Diff(want, firsts(b.accepted)); diff != "" {
				t.Errorf("accepted, repetitions left out (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(want, firsts(b.seen)); diff != "" {
				t.Errorf("arrived, repetitions left out (-want +got)\n%s", diff)
			}
		})
	}
}

// firsts leaves out what was there before.
func firsts(list []string) []string {
	var out []string
	known := map[string]bool{}
	for _, s := range list {
		if !known[s] {
			known[s] = true
			out = append(out, s)
		}
	}
	return slices.Clip(out)
}

// A model: endpoints that refuse what they do not like, fail and hang, with
// events of both classes, reloads and a store in between. Every event is
// accepted, and those of a channel in order.
func TestChaos_BothClasses_EveryEventOnceAndInOrderOfItsChannel(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 5))
		disliked := fmt.Sprint("public-", random.IntN(4)) // for now
		var calm atomic.Bool
		var lock sync.Mutex // of random
		o := &outside{}
		accepted := map[string][]string{}
		o.answer = func(n int, r *http.Request) (int, error) {
			lock.Lock()
			manner := random.IntN(10)
			lock.Unlock()
			sent := eventsOf(o.seen()[n-1].body)
			switch {
			case calm.Load():
			case strings.Contains(sent, `"`+disliked+`"`):
				return 422, nil
			case manner == 0:
				return 500, nil
			case manner == 1:
				return 0, errReset
			case manner == 2:
				<-r.Context().Done()
				return 0, r.Context().Err()
			}
			lock.Lock()
			defer lock.Unlock()
			for _, e := range strings.Split(sent, "},{") {
				_, rest, _ := strings.Cut(e, `"channel":"`)
				channel, rest, _ := strings.Cut(rest, `"`)
				accepted[channel] = append(accepted[channel], strings.Trim(rest, ",}"))
			}
			return 200, nil
		}
		want, total := map[string][]string{}, 0
		held := account.New(0)
		cfg := Config{Account: held, Retry: Retry{GiveUp: 100 * time.Hour}, Logger: slog.New(slog.DiscardHandler)}
		if seed%2 == 0 {
			cfg.Store = storeFile(t)
		}
		intervals := []time.Duration{0, time.Second, 10 * time.Second}
		endpoint := func() Endpoint {
			lock.Lock()
			defer lock.Unlock()
			return Endpoint{URL: "http://hooks.test/", BatchInterval: intervals[random.IntN(3)]}
		}
		cfg.Endpoints = map[string][]Endpoint{"a": {endpoint()}}
		during(t, cfg, o, func(t *testing.T, s *Sender) {
			for i := range 500 {
				lock.Lock()
				channel := []string{"public-", "private-", "presence-"}[random.IntN(3)] + fmt.Sprint(random.IntN(4))
				wait, reload := time.Duration(random.IntN(2000))*time.Millisecond, random.IntN(50) == 0
				lock.Unlock()
				s.Observe(counted(channel, i))
				want[channel] = append(want[channel], fmt.Sprint(`"subscription_count":`, i))
				total++
				pass(wait)
				if reload {
					change(t, s, Change{}, endpoint())
				}
			}
			calm.Store(true)
			pass(time.Hour)
			if st := s.Stats().Endpoints[0]; st.Queued != 0 || st.Sent != uint64(total) || droppedOf(st) != 0 {
				t.Errorf("seed %d: %+v", seed, st)
			}
			if diff := cmp.Diff(want, accepted); diff != "" {
				t.Errorf("seed %d (-want +got)\n%s", seed, diff)
			}
			if held.Count(account.Webhooks) != 0 || held.Bytes() != 0 && s.Stats().Unsaved == 0 {
				t.Errorf("seed %d: %d bytes of %d are held", seed, held.Bytes(), held.Count(account.Webhooks))
			}
		})
	}
}
