//go:build !race

package channels

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
)

// holders make many of what is entered in the account, each with most bytes
// that one may take; 0 is no bound of its own.
var holders = map[string]struct {
	sockets, each int
	most          float64
	make          func(v *visitor, socket, i int)
}{
	"one subscriber on each of many channels": {100, 1000, 200, func(v *visitor, socket, i int) {
		v.subscribes(fmt.Sprintf("room-%06d-%07d", socket, i))
	}},
	"one channel for each of many sockets": {20_000, 1, 0, func(v *visitor, socket, _ int) {
		v.subscribes(fmt.Sprintf("room-%06d", socket))
	}},
	"many subscribers on each channel": {1000, 100, 60, func(v *visitor, _, i int) {
		v.subscribes(fmt.Sprintf("room-%06d", i))
	}},
	"many on one channel": {20_000, 1, 60, func(v *visitor, _, _ int) { v.subscribes("room") }},
	"members": {5000, 1, 0, func(v *visitor, socket, _ int) {
		user := fmt.Sprintf(`{"user_id":"user-%07d","user_info":{"name":"Ann Other"}}`, socket)
		v.says("%s", v.subscription(fmt.Sprint("presence-", socket/100), user))
	}},
	"users with watchlists": {2000, 1, 0, func(v *visitor, socket, _ int) {
		v.signsIn(fmt.Sprintf(`{"id":"%d","user_info":{"name":"Ann"},"watchlist":["%d-a","%d-b","%d-c","1","2","3","4"]}`, socket, socket, socket, socket))
	}},
	"remembered events":        {1, 5000, 0, func(v *visitor, _, i int) { v.d.publish(fmt.Sprintf("cache-%06d", i), strings.Repeat("x", 500)) }},
	"events of many histories": {1, 5000, 0, func(v *visitor, _, i int) { v.d.publish(fmt.Sprintf("past-%06d", i), strings.Repeat("x", 500)) }},
	"events of few histories":  {1, 5000, 0, func(v *visitor, _, i int) { v.d.publish(fmt.Sprintf("past-%d", i%10), strings.Repeat("x", 50)) }},
	"histories that are gone": {1, 5000, 0, func(v *visitor, _, i int) {
		name := fmt.Sprintf("past-%06d", i)
		v.d.publish(name, "1")
		_ = v.d.hub.ClearHistory(context.Background(), &v.d.app, name)
	}},
	"messages that wait": {20, 100, 0, func(v *visitor, _, i int) {
		v.signing = true
		v.pipelines(`{"event":"client-%d","data":"%s"}`, i, strings.Repeat("x", 500))
	}},
}

// What is entered in the account is what is allocated, and a subscription is
// held to its figure.
func TestBytes_AreThoseOfTheAccount(t *testing.T) {
	for name, h := range holders {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(a *apps.App) { a.Limits.MaxPresenceMembers, a.Limits.SubscribesPerSecond = 0, 0 },
				kept(apps.HistoryRule{Channels: "past-*", Events: 1000, TTL: time.Minute}))
			visitors := make([]*visitor, h.sockets)
			for i := range visitors {
				visitors[i] = d.visit()
				visitors[i].closed = 1 // it remembers nothing of what it is sent
			}
			held := d.hub.Account(&d.app)
			before, entered := living(), held.Bytes()
			for socket, v := range visitors {
				for i := range h.each {
					h.make(v, socket, i)
				}
			}
			n := float64(h.sockets * h.each)
			took, claims := float64(living()-before)/n, float64(held.Bytes()-entered)/n
			t.Logf("%.0f bytes each, %.0f in the account", took, claims)
			if claims < took*3/4 || claims > took*5/4 {
				t.Errorf("%.0f bytes each are entered as %.0f", took, claims)
			}
			if h.most > 0 && took > h.most {
				t.Errorf("%.0f bytes each, %.0f at most", took, h.most)
			}
			for _, v := range visitors {
				v.leaves()
			}
			d.passes(d.app.CacheTTL)
			d.emptyOfHistory()
			runtime.KeepAlive(visitors)
		})
	}
}
