package sockets

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"fanfare/pusherproto"
)

// storms are what sockets say at full speed, each dearer to the server than its
// length. first is said once before, by the attacker.
var storms = map[string]struct{ first, again func(c *conn, n int) []string }{
	"subscribing again to a room of 100 with 2 KB each": {nil, func(c *conn, _ int) []string {
		return []string{subscription(c, "presence-big", "user0", 0)}
	}},
	"coming to and going from a room of 100": {nil, func(c *conn, n int) []string {
		return []string{subscription(c, "presence-small", fmt.Sprint("me", n), 10), unsubscription("presence-small")}
	}},
	"signing in again with 100 watched": {nil, func(c *conn, n int) []string {
		data := fmt.Sprintf(`{"id":"me%d","watchlist":[%s]}`, n, watched(100))
		return []string{fmt.Sprintf(`{"event":"pusher:signin","data":{"auth":"key:%s","user_data":%q}}`, pusherproto.SignUser("secret", c.ID(), data), data)}
	}},
	"unsubscribing from what is not there": {func(_ *conn, n int) (all []string) {
		for i := range 1000 {
			all = append(all, fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"channel-%d-%d"}}`, n, i))
		}
		return all
	}, func(*conn, int) []string { return []string{unsubscription("channel-none")} }},
	"wrong signatures": {nil, func(*conn, int) []string {
		return []string{`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"key:` + strings.Repeat("0", 64) + `"}}`}
	}},
	"names that are too long": {nil, func(*conn, int) []string {
		return []string{`{"event":"pusher:subscribe","data":{"channel":"` + strings.Repeat("a", 5000) + `"}}`}
	}},
	"messages nobody understands": {nil, func(*conn, int) []string { return []string{`{"event":"x"}`} }},
	"pings":                       {nil, func(*conn, int) []string { return []string{`{"event":"pusher:ping","data":{}}`} }},
}

// watched is so many user ids.
func watched(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"w%d"`, i))
	}
	return strings.Join(all, ",")
}

// subscription is signed for the connection, as a member.
func subscription(c *conn, channel, user string, info int) string {
	data := fmt.Sprintf(`{"user_id":"%s","user_info":"%s"}`, user, strings.Repeat("x", info))
	return fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"%s","auth":"key:%s","channel_data":%q}}`,
		channel, pusherproto.SignChannel("secret", c.ID(), channel, data, true), data)
}

func unsubscription(channel string) string {
	return `{"event":"pusher:unsubscribe","data":{"channel":"` + channel + `"}}`
}

// stormy is a loop with rooms of 99 members that read, and attackers that have
// not begun.
func stormy(t testing.TB, attackers int, storm string) (l *loop, clients []net.Conn, batches [][]byte) {
	l = loopByHand(t)
	join := func() (*conn, net.Conn) {
		client := dialByHand(t, l)
		go func() { _, _ = io.Copy(io.Discard, client) }()
		return l.slots[len(l.slots)-1].conn, client
	}
	for i := range 99 {
		c, _ := join()
		c.Receive([]byte(subscription(c, "presence-big", fmt.Sprint("user", i), 1990)))
		c.Receive([]byte(subscription(c, "presence-small", fmt.Sprint("user", i), 10)))
		for l.turn(0) {
		}
	}
	for i := range attackers {
		c, client := join()
		if first := storms[storm].first; first != nil {
			for _, m := range first(c, i) {
				c.Receive([]byte(m))
			}
		}
		for l.turn(0) {
		}
		var batch []byte
		for len(batch) < 16<<10 {
			for _, m := range storms[storm].again(c, i) {
				batch = append(batch, ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(m))))...)
			}
		}
		clients, batches = append(clients, client), append(batches, batch)
	}
	return l, clients, batches
}

// BenchmarkTurn_InAStorm is the processor time of the turns that a ping waits
// for, one or two of them, while ten sockets say what costs most. Wall time
// would be that of a busy machine.
func BenchmarkTurn_InAStorm(b *testing.B) {
	for storm := range storms {
		b.Run(strings.ReplaceAll(storm, " ", "-"), func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			l, clients, batches := stormy(b, 10, storm)
			for i, client := range clients {
				go func() {
					for {
						if _, err := client.Write(batches[i]); err != nil {
							return
						}
					}
				}()
			}
			var took []time.Duration
			for b.Loop() {
				begun := processorTime(b)
				l.turn(0)
				took = append(took, processorTime(b)-begun)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
		})
	}
}

// processorTime is that of this thread.
func processorTime(t testing.TB) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// Of a storm that arrives at once, a turn makes each socket one long answer at
// most, and a ping is answered in the turn that reads it.
func TestStorm_OfDearMessages_ATurnAnswersOneOfEach(t *testing.T) {
	for _, storm := range []string{"subscribing again to a room of 100 with 2 KB each", "signing in again with 100 watched"} {
		t.Run(storm, func(t *testing.T) {
			l, clients, batches := stormy(t, 5, storm)
			attackers := make([]*conn, len(clients))
			for i := range attackers {
				attackers[i] = l.slots[len(l.slots)-len(attackers)+i].conn
			}
			client := dialByHand(t, l)
			quiet := l.slots[len(l.slots)-1].conn
			ping := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:ping","data":{}}`))))
			caused := func(c *conn) int { return int(c.sent) + c.queue.bytes }

			attackers[0].Receive([]byte(storms[storm].again(attackers[0], 0)[0]))
			before := caused(attackers[0])
			for l.turn(0) {
			}
			answer := caused(attackers[0]) - before
			for i, c := range clients {
				if _, err := c.Write(batches[i]); err != nil {
					t.Fatal(err)
				}
			}
			answers := 0
			for end := time.Now().Add(patience); answers < 20; {
				if time.Now().After(end) {
					t.Fatalf("%d answers", answers)
				}
				if _, err := client.Write(ping); err != nil {
					t.Fatal(err)
				}
				for asked := quiet.received; quiet.received == asked; { // the ping is under way
					told, was := quiet.sent, make([]int, len(attackers))
					for i, c := range attackers {
						was[i] = caused(c)
					}
					l.turn(0)
					for i, c := range attackers {
						if n := caused(c) - was[i]; n > answer*3/2 {
							t.Fatalf("a turn has %d bytes sent to one socket, an answer has %d", n, answer)
						} else if n > answer/2 {
							answers++
						}
					}
					if quiet.received > asked && quiet.sent == told {
						t.Fatal("the ping was read and waits for a later turn")
					}
				}
			}
		})
	}
}
