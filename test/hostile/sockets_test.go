//go:build hostile && linux

package hostile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// open opens n sockets of an app and keeps those that get in.
func (a *attack) open(ctx context.Context, n int, app credentials, each func(i int, c *client)) (in, out int) {
	var opened, refused atomic.Int64
	crowd(n, 32, func(i int) {
		if alive, _ := a.alive(); !alive || ctx.Err() != nil {
			return
		}
		c, err := connect(ctx, attacker(i%500), a.addr, app)
		if err != nil {
			refused.Add(1)
			return
		}
		opened.Add(1)
		a.hold(ctx, c)
		each(i, c)
	})
	return int(opened.Load()), int(refused.Load())
}

// go1 does something beside the attack that ends with it.
func (a *attack) go1(f func()) { a.held.Go(f) }

// Sockets with the public key subscribe to all they may.
func TestSubscriptions_ThousandsOfPublicChannels(t *testing.T) {
	const sockets, channels = 500, 1000
	row{clients: []credentials{shop}, attack: func(ctx context.Context, a *attack) {
		var made, refused atomic.Int64
		in, out := a.open(ctx, sockets, lobby, func(i int, c *client) {
			var all []byte
			for n := range channels {
				all = append(all, text(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"c%d-%d"}}`, i, n))...)
			}
			go func() { _, _ = c.Write(all) }()
			for range channels {
				m, err := c.next()
				switch {
				case err != nil:
					return
				case m.Event == "pusher_internal:subscription_succeeded":
					made.Add(1)
				default:
					refused.Add(1)
				}
			}
		})
		a.note = fmt.Sprintf("%d sockets, %d refused; %d subscriptions, %d refused", in, out, made.Load(), refused.Load())
		if n := made.Load(); n > 0 {
			a.note += fmt.Sprintf("; %d bytes each", a.peak.Load()/n)
		}
	}}.run(t)
}

// A message of which some bytes are missing is kept alive by one now and then.
func TestMessages_LackSomeBytes(t *testing.T) {
	row{attack: func(ctx context.Context, a *attack) {
		const size = 65_500
		whole := masked(ws.NewTextFrame(make([]byte, size)))
		begin, rest := whole[:size-100], whole[size-100:]
		var cut atomic.Int64
		in, out := a.open(ctx, some(6000, 4500), lobby, func(_ int, c *client) {
			if _, err := c.Write(begin); err != nil {
				cut.Add(1)
				return
			}
			a.go1(func() {
				for n := 0; n < len(rest)-1; n++ {
					select {
					case <-time.After(5 * time.Second):
					case <-ctx.Done():
						return
					}
					if _, err := c.Write(rest[n : n+1]); err != nil {
						cut.Add(1)
						return
					}
				}
			})
		})
		pass(a.T, lasting())
		a.note = fmt.Sprintf("%d sockets, %d refused, %d cut", in, out, cut.Load())
	}}.run(t)
}

// flood has sockets that are ready send a message over and over, as fast as
// the server reads, and reads all that comes.
func flood(sockets int, app credentials, ready func(c *client) (message string, err error)) func(ctx context.Context, a *attack) {
	return func(ctx context.Context, a *attack) {
		var sent, read atomic.Int64
		began := time.Now()
		in, out := a.open(ctx, sockets, app, func(i int, c *client) {
			m, err := ready(c)
			if err != nil {
				a.Errorf("an attacker does not get ready: %v", err)
				return
			}
			frame := text(m)
			burst := frame
			for len(burst) < 4<<10 {
				burst = append(burst, frame...)
			}
			_ = c.SetWriteDeadline(time.Time{})
			a.go1(func() { c.discard(&read) })
			a.go1(func() {
				for ctx.Err() == nil {
					if _, err := c.Write(burst); err != nil {
						return
					}
					sent.Add(int64(len(burst) / len(frame)))
				}
			})
		})
		pass(a.T, lasting())
		took := time.Since(began).Seconds()
		a.note = fmt.Sprintf("%d sockets, %d refused; %.0f messages/s taken, %.1f MB/s answered", in, out, float64(sent.Load())/took, float64(read.Load())/took/1e6)
	}
}

// dear is the bound of others' pings while somebody repeats what is dear.
const dear = 5 * time.Millisecond

func TestDear_PresenceChannelJoinedAgain(t *testing.T) {
	row{ping: dear, clients: []credentials{shop}, attack: func(ctx context.Context, a *attack) {
		info := make([]byte, 1990)
		for i := range info {
			info[i] = 'i'
		}
		const channel, members = "presence-crowd", 100
		a.open(ctx, members, lobby, func(i int, c *client) {
			user, _ := json.Marshal(map[string]string{"user_id": fmt.Sprint("user-", i), "user_info": string(info)})
			if err := c.send(c.subscription(channel, string(user))); err != nil {
				a.Errorf("a member: %v", err)
				return
			}
			var read atomic.Int64
			a.go1(func() { c.discard(&read) })
		})
		n := 0
		flood(8, lobby, func(c *client) (string, error) {
			n++
			m := c.subscription(channel, `{"user_id":"user-1"}`)
			return m, c.send(m)
		})(ctx, a)
	}}.run(t)
}

func TestDear_SignedInAgain(t *testing.T) {
	var watched []string
	for i := range 100 {
		watched = append(watched, fmt.Sprint("somebody-", i))
	}
	list, _ := json.Marshal(watched)
	row{ping: dear, clients: []credentials{shop}, attack: flood(8, lobby, func(c *client) (string, error) {
		return c.signin(`{"id":"me","watchlist":` + string(list) + `}`), nil
	})}.run(t)
}

func TestDear_UnsubscribedWhatIsNotThere(t *testing.T) {
	row{ping: dear, clients: []credentials{shop}, attack: flood(8, lobby, func(c *client) (string, error) {
		const channels = 1000
		var all []byte
		for n := range channels {
			all = append(all, text(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"some-channel-%d"}}`, n))...)
		}
		go func() { _, _ = c.Write(all) }()
		for range channels {
			if _, err := c.next(); err != nil {
				return "", err
			}
		}
		return `{"event":"pusher:unsubscribe","data":{"channel":"some-channel-x"}}`, nil
	})}.run(t)
}

// A storm of client events in one app on half a core: the other app has its
// share.
func TestStorm_OfOneAppLeavesTheOthersAlone(t *testing.T) {
	row{setup: setup{cores: 0.5}, clients: []credentials{shop}, attack: func(ctx context.Context, a *attack) {
		const channel, sockets, senders, pace = "private-storm", 2000, 500, 100 * time.Millisecond
		var read, sent atomic.Int64
		begin := make(chan struct{})
		in, out := a.open(ctx, sockets, lobby, func(i int, c *client) {
			if err := c.send(c.subscription(channel)); err != nil {
				return
			}
			if _, err := c.until("pusher_internal:subscription_succeeded"); err != nil {
				return
			}
			a.go1(func() { c.discard(&read) })
			if i%(sockets/senders) != 0 {
				return
			}
			ev := text(fmt.Sprintf(`{"event":"client-storm","channel":%q,"data":"%0100d"}`, channel, i))
			_ = c.SetWriteDeadline(time.Time{})
			a.go1(func() {
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
		pass(a.T, lasting())
		a.note = fmt.Sprintf("%d sockets, %d refused; %d events, %.1f MB/s delivered", in, out, sent.Load(),
			float64(read.Load()-before)/time.Since(began).Seconds()/1e6)
	}}.run(t)
}
