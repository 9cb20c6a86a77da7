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

// Sockets with the public key come and go on public channels while the back
// end is slow. Events that needed a signature are not lost for theirs.
func TestWebhooks_OfStrangersDoNotDisplaceSignedOnes(t *testing.T) {
	const strangers, queue, members = 5000, 2000, 300
	gate := make(chan struct{})
	var mu sync.Mutex
	joined := map[string]bool{}
	hooks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-gate:
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
		mu.Lock()
		defer mu.Unlock()
		for _, e := range body.Events {
			if e.Name == "member_added" {
				joined[e.UserID] = true
			}
		}
	}))
	defer hooks.Close()
	row{
		setup: setup{
			webhooks: fmt.Sprintf("{url: %q, events: [channel_occupied, channel_vacated, member_added]}", hooks.URL),
			env:      []string{fmt.Sprint("FANFARE_WEBHOOKS_QUEUE_EVENTS=", queue), "FANFARE_WEBHOOKS_TIMEOUT=1m"},
		},
		attack: func(ctx context.Context, a *attack) {
			var came atomic.Int64
			crowd(strangers+members, 32, func(i int) {
				signed := i%((strangers+members)/members) == 0
				from := attacker(i % 500)
				c, err := connect(ctx, from, a.addr, lobby)
				if err != nil {
					return
				}
				channel, data := fmt.Sprint("public-", i), []string(nil)
				if signed {
					channel, data = fmt.Sprint("presence-", i), []string{fmt.Sprintf(`{"user_id":"user-%d"}`, i)}
				}
				if err := c.send(c.subscription(channel, data...)); err == nil {
					_, err = c.until("pusher_internal:subscription_succeeded")
					if err == nil && !signed {
						came.Add(1)
					}
				}
				if signed {
					a.hold(ctx, c)
				} else {
					_ = c.Close()
				}
			})
			dropped := a.figures().sum("fanfare_webhook_events_dropped_total", "")
			close(gate)
			want := (strangers + members + (strangers+members)/members - 1) / ((strangers + members) / members)
			deadline := time.Now().Add(time.Minute)
			count := func() int { mu.Lock(); defer mu.Unlock(); return len(joined) }
			for count() < want && time.Now().Before(deadline) {
				if f := a.figures(); f != nil && f.sum("fanfare_webhook_events_queued", "") == 0 && f.sum("fanfare_webhook_events_sent_total", "") > 0 {
					break // no more will come
				}
				pass(a.T, 50*time.Millisecond)
			}
			a.note = fmt.Sprintf("%d strangers came and went; %.0f events dropped; %d of %d signed ones sent", came.Load(), dropped, count(), want)
			if count() < want || dropped == 0 {
				a.Error(a.note)
			}
		},
	}.run(t)
}
