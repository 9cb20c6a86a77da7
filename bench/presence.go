package bench

import (
	"context"
	"strconv"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Presence fills rooms with members, each announced to the others, and then makes
// half of each room leave.
type Presence struct {
	Sockets int
	Room    int // members of one; servers usually allow 100
}

// Run implements Scenario.
func (w Presence) Run(ctx context.Context, t Target) (report.Result, error) {
	rooms := w.Sockets / w.Room
	s, err := newSession("presence", t, rooms*w.Room)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sockets", "%d", rooms*w.Room)
	s.result.Set("rooms", "%d", rooms)

	f := newFleet(s.loop, s.target, names("presence-bench-room-", rooms))
	f.member = func(i int) string {
		return `{"user_id":"u` + strconv.Itoa(i) + `","user_info":{"name":"Member ` + strconv.Itoa(i) + `"}}`
	}
	c := &company{fleet: f, told: newHistogram()}
	f.onOther = c.hear

	m, err := startMeter(t.PID)
	if err != nil {
		return report.Result{}, err
	}
	err = c.fill(ctx, rooms*w.Room)
	if err == nil {
		err = c.empty(ctx, w.Room/2)
	}
	seen, meterErr := m.end()
	if err != nil {
		return report.Result{}, err
	}
	if meterErr != nil {
		return report.Result{}, meterErr
	}
	s.result.Add("joined", "/s", c.rate)
	s.loop.Do(func() {
		s.result.Latency("dial to joined", f.joining)
		s.result.Latency("others told", c.told)
		s.result.Add("member_added", "", float64(c.added))
		s.result.Add("member_removed", "", float64(c.removed))
		// Any two members are told once: of two, the first hears of the second.
		pairs := rooms * w.Room * (w.Room - 1) / 2
		leavings := rooms * (w.Room / 2) * (w.Room - w.Room/2)
		s.result.Add("lost", "", float64(max(0, pairs-c.added)+max(0, leavings-c.removed)))
		s.result.Add("duplicated", "", float64(max(0, c.added-pairs)+max(0, c.removed-leavings)))
		s.result.Problems = f.problems.list(5)
	})
	addUsage(&s.result, seen, int64(c.added+c.removed))
	return s.result, nil
}

// company counts what members are told of each other.
type company struct {
	fleet   *fleet
	told    *hdrhistogram.Histogram // asked to others told
	rate    float64                 // joined a second
	added   int
	removed int // told to members that stay
	stay    int // conns from here on leave
}

// hear handles a message of the server.
func (c *company) hear(to *client.Conn, event string, message []byte) {
	switch event {
	case "pusher_internal:member_added":
		c.added++
	case "pusher_internal:member_removed":
		if int(to.Index) >= c.stay {
			return // on its way out, it may hear of others or not
		}
		c.removed++
	default:
		return
	}
	id := member(message, `\"user_id\":\"u`)
	if i, err := strconv.Atoi(string(id)); err == nil && i < len(c.fleet.conns) {
		record(c.told, c.fleet.loop.Now()-c.fleet.peers[i].asked)
	}
}

// settle waits until a count has not changed for a while, or is as expected.
func (c *company) settle(ctx context.Context, count *int, expected int) error {
	deadline := time.Now().Add(patience)
	for last := -1; ; {
		var now int
		c.fleet.loop.Do(func() { now = *count })
		if now >= expected && now == last || time.Now().After(deadline) {
			return nil
		}
		last = now
		if err := c.fleet.loop.Pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func (c *company) fill(ctx context.Context, n int) error {
	began := time.Now()
	if err := c.fleet.open(ctx, n); err != nil {
		return err
	}
	c.rate = float64(n) / time.Since(began).Seconds()
	room := n / len(c.fleet.names)
	return c.settle(ctx, &c.added, n*(room-1)/2)
}

// empty has some members of each room leave.
func (c *company) empty(ctx context.Context, leaving int) error {
	rooms := len(c.fleet.names)
	c.fleet.loop.Do(func() {
		c.stay = len(c.fleet.conns) - leaving*rooms
		for _, conn := range c.fleet.conns[c.stay:] {
			c.fleet.unsubscribe(conn)
		}
	})
	return c.settle(ctx, &c.removed, leaving*c.stay)
}
