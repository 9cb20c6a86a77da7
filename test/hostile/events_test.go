//go:build hostile && linux

package hostile_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// eventsToAll has a quarter of the sockets on a channel send client events to
// all the others, ten times a second.
func eventsToAll(sockets int) func(ctx context.Context, a *attack) {
	return func(ctx context.Context, a *attack) {
		const channel, pace = "private-storm", 100 * time.Millisecond
		var read, sent atomic.Int64
		begin := make(chan struct{})
		in, out := a.open(ctx, sockets, lobby, func(i int, c *client) {
			if err := c.send(c.subscription(channel)); err != nil {
				return
			}
			if _, err := c.until("pusher_internal:subscription_succeeded"); err != nil {
				return
			}
			a.meanwhile(func() { c.discard(&read) })
			if i%4 != 0 {
				return
			}
			ev := text(fmt.Sprintf(`{"event":"client-storm","channel":%q,"data":"%0100d"}`, channel, i))
			_ = c.SetWriteDeadline(time.Time{})
			a.meanwhile(func() {
				select {
				case <-begin:
				case <-ctx.Done():
				}
				for ctx.Err() == nil {
					if _, err := c.Write(ev); err != nil {
						return
					}
					sent.Add(1)
					select {
					case <-time.After(pace):
					case <-ctx.Done():
					}
				}
			})
		})
		close(begin)
		began, before := time.Now(), read.Load()
		pass(a.T, a.lasting)
		a.note = fmt.Sprintf("%d sockets, %d refused; %d events, %.1f MB/s delivered", in, out, sent.Load(),
			float64(read.Load()-before)/time.Since(began).Seconds()/1e6)
	}
}

// A storm in one app on half a core: the other app has its share.
func TestStorm_OfOneAppLeavesTheOthersAlone(t *testing.T) {
	row{setup: setup{cores: 0.5}, clients: []credentials{shop}, attack: eventsToAll(2000)}.run(t)
}
