package webhooks

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// crowd is a hub with sockets that are handled on the test's goroutine.
type crowd struct {
	t   testing.TB
	hub *channels.Hub
	app apps.App

	mu       sync.Mutex
	mail     []channels.Mail
	counters channels.Counters
}

func newCrowd(t testing.TB, observer channels.Observer) *crowd {
	c := &crowd{t: t, app: testApp("a")}
	c.app.Limits.ClientEventsPerSecond = 0
	c.hub = channels.New(channels.Config{Observers: []channels.Observer{observer}})
	c.hub.AddOwner(c)
	return c
}

func (c *crowd) Lane(*channels.Pressure) channels.Lane { return c }

func (c *crowd) Post(m channels.Mail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.Weigh()
	c.mail = append(c.mail, m)
}

func (c *crowd) Counters() *channels.Counters { return &c.counters }

func (c *crowd) settle() {
	for {
		c.mu.Lock()
		mail := c.mail
		c.mail = nil
		c.mu.Unlock()
		if len(mail) == 0 {
			return
		}
		for i := range mail {
			mail[i].Handle()
		}
	}
}

// guest is a socket of a crowd.
type guest struct {
	channels.Session
	crowd *crowd
}

func (g *guest) Opened(*pusherproto.Error) {}
func (g *guest) Send(*channels.Frame)      {}
func (g *guest) Close(code int, reason string) {
	g.crowd.t.Errorf("closed with %d %s", code, reason)
}

func (c *crowd) visit() *guest {
	g := &guest{crowd: c}
	if refusal := g.Open(c.hub, &c.app, c, g); refusal != nil {
		c.t.Fatal(refusal)
	}
	return g
}

func (g *guest) says(format string, args ...any) {
	g.Receive(fmt.Appendf(nil, format, args...))
	g.crowd.settle()
}

func (g *guest) subscribes(channel, user string) {
	more, data := "", ""
	if user != "" {
		data = `{"user_id":"` + user + `"}`
		more = `,"channel_data":` + string(pusherproto.AppendString(nil, data))
	}
	if pusherproto.KindOf(channel).Signed() {
		key := g.crowd.app.Keys[0]
		more += `,"auth":"` + key.Key + ":" + pusherproto.SignChannel(key.Secret, g.ID(), channel, data, data != "") + `"`
	}
	g.says(`{"event":"pusher:subscribe","data":{"channel":"%s"%s}}`, channel, more)
}

func (g *guest) leaves() {
	g.Gone()
	g.crowd.settle()
}

// 5,000 anonymous sockets that come and go on public channels, each on sixteen
// that nobody was on before, while an endpoint is slow or down: that makes more
// events than its queue has room for. What the back end signed, it hears of:
// every event once, and in order on each channel.
func TestStorm_AnonymousSocketsPushOutNoSignedEvent(t *testing.T) {
	const sockets, visits, rounds = 5000, 16, 10
	for name, endpoint := range map[string]struct {
		answer func(storm bool) error
		store  bool
	}{
		"down": {answer: func(storm bool) error {
			if storm {
				return errReset
			}
			return nil
		}},
		"slow, with a store": {answer: func(bool) error { time.Sleep(5 * time.Second); return nil }, store: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var storm atomic.Bool
				storm.Store(true)
				o := &outside{began: time.Now(), answer: func(int, *http.Request) (int, error) { return 200, endpoint.answer(storm.Load()) }}
				held := account.New(0)
				cfg := Config{Account: held, Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test/", BatchInterval: time.Second}}}, Logger: slog.New(slog.DiscardHandler)}
				if endpoint.store {
					cfg.Store, cfg.SyncInterval = storeFile(t), time.Second
				}
				s := newTest(t, cfg, o)
				run(t, s)
				c := newCrowd(t, s)
				want := map[string][]string{}
				clerk := c.visit()
				clerk.subscribes("private-orders", "")
				want["private-orders"] = []string{"occupied"}
				order := 0
				for round := range rounds {
					for i := range sockets / rounds {
						g := c.visit()
						for v := range visits {
							g.subscribes(fmt.Sprintf("public-%d-%d-%d", round, i, v), "")
						}
						g.leaves()
						if i%10 == 0 {
							clerk.says(`{"event":"client-order","channel":"private-orders","data":"%d"}`, order)
							want["private-orders"] = append(want["private-orders"], fmt.Sprint(order))
							order++
						}
						if i%50 == 0 {
							room := fmt.Sprintf("presence-%d-%d", round, i)
							member := c.visit()
							member.subscribes(room, "7")
							member.leaves()
							want[room] = []string{"occupied", "added", "removed", "vacated"}
						}
					}
					pass(4 * time.Second) // the departures are due
				}
				st := s.Stats().Endpoints[0]
				for _, d := range st.Dropped {
					if d.Class == signed.String() && d.Events > 0 || d.Class == unsigned.String() && d.Reason == queueFull.String() && d.Events == 0 {
						t.Errorf("dropped at the end of the storm: %+v", d)
					}
				}
				if n := held.BytesOf(account.Webhooks); n > DefaultQueueBytes*5/4 || held.Count(account.Webhooks) != st.Queued {
					t.Errorf("%d bytes of %d events are held, %d are queued", n, held.Count(account.Webhooks), st.Queued)
				}
				storm.Store(false)
				for waited := 0; s.Stats().Endpoints[0].Queued > 0 || s.Stats().Unsaved > 0; waited++ {
					if pass(time.Minute); waited > 1000 {
						t.Fatalf("%+v", s.Stats())
					}
				}
				if diff := cmp.Diff(want, signedOf(o.seen())); diff != "" {
					t.Errorf("signed events of each channel (-want +got)\n%s", diff)
				}
				if held.Count(account.Webhooks) != 0 || held.Bytes() != 0 {
					t.Errorf("%d bytes of %d are still held", held.Bytes(), held.Count(account.Webhooks))
				}
			})
		})
	}
}

// signedOf are the accepted events of channels that take a signature.
func signedOf(requests []request) map[string][]string {
	got, seen := map[string][]string{}, map[string]bool{}
	for _, r := range requests {
		if seen[r.body] { // tried again
			continue
		}
		seen[r.body] = true
		for _, e := range strings.Split(eventsOf(r.body), "},{") {
			name, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(e, "{"), `"name":"`), `","channel":"`)
			channel, rest, _ := strings.Cut(rest, `"`)
			if !pusherproto.KindOf(channel).Signed() {
				continue
			}
			if name == "client_event" {
				_, rest, _ = strings.Cut(rest, `"data":"`)
				name, _, _ = strings.Cut(rest, `"`)
			}
			name = strings.TrimPrefix(strings.TrimPrefix(name, "channel_"), "member_")
			if name == "subscription_count" {
				continue
			}
			got[channel] = append(got[channel], name)
		}
	}
	return got
}
