//go:build hostile && linux

package hostile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// backend receives webhooks, once its gate is open, and remembers who joined.
type backend struct {
	*httptest.Server
	gate   chan struct{}
	mu     sync.Mutex
	joined map[string]bool
}

func newBackend(t *testing.T) *backend {
	b := &backend{gate: make(chan struct{}), joined: map[string]bool{}}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

// ServeHTTP implements http.Handler.
func (b *backend) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-b.gate:
	case <-r.Context().Done():
		return
	}
	var body struct {
		Events []struct {
			Name   string `json:"name"`
			UserID string `json:"user_id"`
		} `json:"events"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range body.Events {
		if e.Name == "member_added" {
			b.joined[e.UserID] = true
		}
	}
}

func (b *backend) members() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.joined)
}

// webhook is the configuration of the endpoint.
func (b *backend) webhook() string {
	return fmt.Sprintf("{url: %q, events: [channel_occupied, channel_vacated, member_added]}", b.URL)
}

// comeAndGo has sockets with the public key come and go on channels of their
// own, and every so many a signed one stay on a presence channel. It returns
// how many of these got in.
func (a *attack) comeAndGo(ctx context.Context, strangers, signedOf int) (members int) {
	var came, in atomic.Int64
	crowd(a.n(strangers), 32, func(i int) {
		c, err := connect(ctx, attacker(i%500), a.addr, lobby)
		if err != nil {
			return
		}
		channel, data := fmt.Sprint("public-", i), []string(nil)
		signed := i%signedOf == 0
		if signed {
			channel, data = fmt.Sprint("presence-", i), []string{fmt.Sprintf(`{"user_id":"user-%d"}`, i)}
		}
		if err = c.send(c.subscription(channel, data...)); err == nil {
			_, err = c.until("pusher_internal:subscription_succeeded")
		}
		switch {
		case err != nil:
			_ = c.Close()
		case signed:
			in.Add(1)
		default:
			came.Add(1)
			_ = c.Close()
		}
	})
	a.note = fmt.Sprintf("%d strangers came and went", came.Load())
	return int(in.Load())
}

// Sockets with the public key come and go while the back end is slow. Events
// that needed a signature are not lost for theirs.
func TestWebhooks_OfStrangersDoNotDisplaceSignedOnes(t *testing.T) {
	hooks := newBackend(t)
	row{
		setup: setup{webhooks: hooks.webhook(), env: []string{"FANFARE_WEBHOOKS_QUEUE_EVENTS=2000", "FANFARE_WEBHOOKS_TIMEOUT=1m"}},
		attack: func(ctx context.Context, a *attack) {
			want := a.comeAndGo(ctx, 5000, 17)
			dropped := a.figures().sum("fanfare_webhook_events_dropped_total", "")
			close(hooks.gate)
			for deadline := time.Now().Add(time.Minute); hooks.members() < want && time.Now().Before(deadline); {
				if f := a.figures(); f != nil && f.sum("fanfare_webhook_events_queued", "") == 0 && f.sum("fanfare_webhook_events_sent_total", "") > 0 {
					break // no more will come
				}
				pass(a.T, 50*time.Millisecond)
			}
			a.note += fmt.Sprintf("; %.0f events dropped; %d of %d signed ones sent", dropped, hooks.members(), want)
			a.want(want > 0 && hooks.members() == want && dropped > 0, a.note)
		},
	}.run(t)
}
