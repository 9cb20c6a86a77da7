//go:build hostile && linux

package hostile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// open opens n sockets of an app and keeps those that get in.
func (a *attack) open(ctx context.Context, n int, app credentials, each func(i int, c *client)) (in, out int) {
	var opened, refused atomic.Int64
	crowd(a.n(n), 32, func(i int) {
		if alive, _ := a.alive(); !alive || ctx.Err() != nil {
			return
		}
		c, err := connect(ctx, attacker(i%500), a.addr, app)
		if err != nil {
			refused.Add(1)
			return
		}
		opened.Add(1)
		each(i, c)
	})
	return int(opened.Load()), int(refused.Load())
}

// meanwhile does something beside the attack that ends with it.
func (a *attack) meanwhile(f func()) { a.held.Go(f) }

// subscribeToAll has sockets with the public key subscribe to all they may.
func subscribeToAll(sockets int) func(ctx context.Context, a *attack) {
	const channels = 1000
	return func(ctx context.Context, a *attack) {
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
	}
}

func TestSubscriptions_ThousandsOfPublicChannels(t *testing.T) {
	row{
		setup:   setup{env: []string{"FANFARE_APPS_0_LIMITS_MAX_HELD_BYTES=50000000"}},
		clients: []credentials{shop}, attack: subscribeToAll(500), refused: []string{"app_limit"},
	}.run(t)
}

// lackSomeBytes has sockets send a message of which some bytes are missing,
// and keep it alive by one now and then.
func lackSomeBytes(sockets int) func(ctx context.Context, a *attack) {
	return func(ctx context.Context, a *attack) {
		const size = 65_500
		whole := masked(ws.NewTextFrame(make([]byte, size)))
		begin, rest := whole[:size-100], whole[size-100:]
		var cut atomic.Int64
		in, out := a.open(ctx, sockets, lobby, func(_ int, c *client) {
			if _, err := c.Write(begin); err != nil {
				cut.Add(1)
				return
			}
			ended := make(chan struct{})
			a.meanwhile(func() {
				defer close(ended)
				if err := c.follow(func(message) {}); ctx.Err() == nil && errors.As(err, new(errClosed)) {
					cut.Add(1)
				}
			})
			a.meanwhile(func() {
				for n := range rest[:len(rest)-1] {
					select {
					case <-time.After(time.Second):
					case <-ended:
						return
					case <-ctx.Done():
						return
					}
					_, _ = c.Write(rest[n : n+1])
				}
			})
		})
		pass(a.T, a.lasting)
		a.note = fmt.Sprintf("%d sockets, %d refused, %d cut", in, out, cut.Load())
	}
}

func TestMessages_LackSomeBytes(t *testing.T) {
	row{clients: []credentials{shop}, attack: lackSomeBytes(some(6000, 4500)), refused: []string{"memory"}}.run(t)
}

// flood has sockets that are ready send a message over and over, some at a time
// and then a ping, whose answer says that they have been handled. Many at a time
// would be more than may be under way for a socket, or wait for it.
func flood(sockets, atATime int, app credentials, ready func(c *client) (message string, err error)) func(ctx context.Context, a *attack) {
	return func(ctx context.Context, a *attack) {
		var mu sync.Mutex
		var ends []string
		began := time.Now()
		in, out := a.open(ctx, sockets, app, func(i int, c *client) {
			m, err := ready(c)
			if err != nil {
				a.want(ctx.Err() != nil, fmt.Sprint("an attacker does not get ready: ", err))
				return
			}
			var burst []byte
			for range atATime {
				burst = append(burst, text(m)...)
			}
			burst = append(burst, text(`{"event":"pusher:ping","data":{}}`)...)
			_ = c.SetDeadline(time.Time{})
			a.meanwhile(func() {
				for {
					if _, err := c.Write(burst); err != nil {
						return
					}
					n, err := c.pong()
					a.read.Add(int64(n))
					if err != nil {
						if ctx.Err() == nil {
							mu.Lock()
							defer mu.Unlock()
							ends = append(ends, err.Error())
						}
						return
					}
					a.asked.Add(int64(atATime))
				}
			})
		})
		pass(a.T, a.lasting)
		took := time.Since(began).Seconds()
		mu.Lock()
		defer mu.Unlock()
		a.note = fmt.Sprintf("%d sockets, %d refused, %d ended; %.0f messages/s handled, %.1f MB/s answered", in, out, len(ends), float64(a.asked.Load())/took, float64(a.read.Load())/took/1e6)
		if len(ends) > 0 {
			a.note += ", as with: " + ends[0]
		}
	}
}

// pong reads up to the answer to a ping, and returns how many bytes came.
func (c *client) pong() (read int, err error) {
	var text [64]byte
	for {
		h, err := ws.ReadHeader(c.in)
		if err != nil {
			return read, err
		}
		read += int(h.Length)
		if h.OpCode == ws.OpClose {
			payload := make([]byte, h.Length)
			_, _ = io.ReadFull(c.in, payload)
			code, reason := ws.ParseCloseFrameData(payload)
			return read, errClosed{code, reason}
		}
		begin := text[:min(int(h.Length), len(text))]
		if _, err := io.ReadFull(c.in, begin); err != nil {
			return read, err
		}
		if _, err := c.in.Discard(int(h.Length) - len(begin)); err != nil {
			return read, err
		}
		if bytes.HasPrefix(begin, []byte(`{"event":"pusher:pong"`)) {
			return read, nil
		}
	}
}

// dear is the bound of others' pings while somebody repeats what is dear.
const dear = 5 * time.Millisecond

// joinAgain has some join a presence channel of many, over and over.
func joinAgain(ctx context.Context, a *attack) {
	info := strings.Repeat("i", 1990)
	const channel, members = "presence-crowd", 100
	a.open(ctx, members, lobby, func(i int, c *client) {
		user, _ := json.Marshal(map[string]string{"user_id": fmt.Sprint("user-", i), "user_info": info})
		if err := c.send(c.subscription(channel, string(user))); err != nil {
			return
		}
		var read atomic.Int64
		a.meanwhile(func() { c.discard(&read) })
	})
	flood(8, 2, lobby, func(c *client) (string, error) {
		m := c.subscription(channel, `{"user_id":"user-1"}`)
		return m, c.send(m)
	})(ctx, a)
}

// signInAgain has some sign in, over and over, and watch a hundred users.
func signInAgain(ctx context.Context, a *attack) {
	var watched []string
	for i := range 100 {
		watched = append(watched, fmt.Sprint("somebody-", i))
	}
	list, _ := json.Marshal(watched)
	flood(8, 8, lobby, func(c *client) (string, error) {
		return c.signin(`{"id":"me","watchlist":` + string(list) + `}`), nil
	})(ctx, a)
}

// leaveNothing has sockets on many channels leave one that they are not on.
func leaveNothing(ctx context.Context, a *attack) {
	flood(8, 64, lobby, func(c *client) (string, error) {
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
	})(ctx, a)
}

func TestDear_PresenceChannelJoinedAgain(t *testing.T) {
	row{ping: dear, clients: []credentials{shop}, attack: joinAgain, after: func(a *attack) {
		// Eight sockets have a budget of 1,100 subscriptions at once and of a
		// hundred a second, each for 4 KiB; a refusal is short.
		most := int64(8*4096*(1100+100*a.took.Seconds()))*5/4 + 600*a.asked.Load()
		if n := a.read.Load(); n > most {
			a.Errorf("the server answered with %s, more than %s", megabytes(n), megabytes(most))
		}
	}}.run(t)
}

func TestDear_SignedInAgain(t *testing.T) {
	row{ping: dear, clients: []credentials{shop}, each: 60 * time.Microsecond, attack: signInAgain}.run(t)
}

func TestDear_UnsubscribedWhatIsNotThere(t *testing.T) {
	row{ping: dear, clients: []credentials{shop}, attack: leaveNothing}.run(t)
}
