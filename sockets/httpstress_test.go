package sockets

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fanfare/apps"
)

// TestStress_HTTPSessions has clients of HTTP sessions ask, leave, fail to
// write, send and be closed at random under a storm of events. Some share
// sessions with others and only do harm. Each of the rest must see the numbers
// of its channel without a gap or a swap as long as its session lives, and
// every receive must end.
func TestStress_HTTPSessions(t *testing.T) {
	for _, loops := range []int{1, 3} {
		t.Run(fmt.Sprintf("loops=%d", loops), func(t *testing.T) {
			h := start(t, Config{Loops: loops, ReceiveWithin: time.Second, QueueBytes: 256 << 10}, func(app *apps.App) {
				app.Limits.ClientEventsPerSecond = 0
			})
			const own = 8
			ctx, cancel := context.WithCancel(t.Context())
			over := time.After(*stress)
			var all sync.WaitGroup
			var served atomic.Int64 // own sessions that saw an event
			all.Go(func() {
				pace := time.NewTicker(time.Millisecond) // readers here are slower than a loop
				defer pace.Stop()
				for n := 0; ctx.Err() == nil; n++ {
					if n%64 == 0 {
						<-pace.C
					}
					h.publish("c", strconv.Itoa(n))
				}
			})
			for i := range own {
				all.Go(func() { h.session(fmt.Sprint("own", i)).stressed(ctx, rand.New(rand.NewPCG(2, uint64(i))), &served) })
				all.Go(func() { h.session(fmt.Sprint("shared", i%3)).disturbed(ctx, rand.New(rand.NewPCG(3, uint64(i)))) })
			}
			func() {
				defer all.Wait()
				defer cancel()
				<-over
				h.until("every session of one client has seen events", func() bool { return served.Load() == own || h.Failed() })
			}()
			h.until("every session has ended", func() bool { return h.server.Sockets() == 0 })
		})
	}
}

// stressed is the life of the only client of a session. It counts in served
// once it has seen an event.
func (s *session) stressed(ctx context.Context, random *rand.Rand, served *atomic.Int64) {
	last, seen := -1, false
	for ctx.Err() == nil {
		r := s.open(random.IntN(2) == 0)
		for writes := random.IntN(4); ; writes-- {
			var chunk []byte
			var ok bool
			select {
			case chunk, ok = <-r.Chunks:
			case <-ctx.Done():
				s.server.Detach(s.key, r, errLost)
			}
			if !ok {
				break
			}
			if random.IntN(4) == 0 { // nothing of it has arrived
				s.server.Written(s.key, r, errLost)
				s.expectEnd(r)
				break
			}
			l := decodeLines(s.T, chunk)
			if l.opened > 0 {
				last = -1
			}
			for _, m := range l.messages {
				_, data, ok := strings.Cut(m, `"data":"`)
				n, err := strconv.Atoi(strings.TrimSuffix(data, `"}`))
				if !ok || err != nil {
					continue
				}
				if last >= 0 && n != last+1 {
					s.Errorf("%s: %d after %d", s.key.Random, n, last)
				}
				last = n
				if !seen {
					seen = true
					served.Add(1)
				}
			}
			s.server.Written(s.key, r, nil)
			if l.opened > 0 {
				_, _ = s.server.Deliver(ctx, s.key, []string{`{"event":"pusher:subscribe","data":{"channel":"c"}}`})
			}
			if writes == 0 && !r.streaming {
				continue // its end comes by itself
			}
			if writes == 0 {
				s.server.Detach(s.key, r, errLost)
				break
			}
		}
		if random.IntN(100) == 0 { // a bad sign-in ends the session
			_, _ = s.server.Deliver(ctx, s.key, []string{`{"event":"pusher:signin","data":{"auth":"key:0","user_data":"{}"}}`})
		}
	}
}

// disturbed is one of several clients of the same session.
func (s *session) disturbed(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		r := s.open(random.IntN(2) == 0)
		for range random.IntN(3) {
			select {
			case _, ok := <-r.Chunks:
				if ok && random.IntN(3) > 0 {
					s.server.Written(s.key, r, nil)
				} else if ok {
					s.server.Written(s.key, r, errLost)
				}
			default:
			}
		}
		s.server.Detach(s.key, r, errLost)
		switch random.IntN(10) {
		case 0:
			_, _ = s.server.Deliver(ctx, s.key, []string{`{"event":"pusher:signin","data":{"auth":"key:0","user_data":"{}"}}`})
		case 1:
			_, _ = s.server.Deliver(ctx, s.key, nil)
		case 2:
			_, _ = s.server.Deliver(ctx, s.key, []string{`{"event":"pusher:subscribe","data":{"channel":"c"}}`})
		}
	}
}
