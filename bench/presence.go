package bench

import (
	"context"
	"errors"
	"strconv"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Presence fills rooms with members, each announced to the others, and then lets
// members leave.
type Presence struct {
	Sockets int
	Room    int  // members of a room; servers usually allow 100
	Stay    int  // members of each room that do not leave; 0 means half of them
	AtOnce  bool // all connect first and then subscribe at once; otherwise each subscribes when it is connected
}

// Run implements Scenario.
func (w Presence) Run(ctx context.Context, t Target) (report.Result, error) {
	rooms := w.Sockets / w.Room
	leave := w.Room / 2
	if w.Stay > 0 {
		leave = w.Room - w.Stay
	}
	s, err := newSession("presence", t, rooms*w.Room)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sockets", "%d", rooms*w.Room)
	s.result.Set("rooms", "%d", rooms)
	s.result.Set("leaving", "%d of each", leave)
	s.result.Set("at once", "%t", w.AtOnce)

	f := newFleet(s.loop, s.target, names("presence-bench-room-", rooms))
	f.gathers = w.AtOnce
	f.member = func(i int) string {
		return `{"user_id":"u` + strconv.Itoa(i) + `","user_info":{"name":"Member ` + strconv.Itoa(i) + `"}}`
	}
	c := &company{session: s, fleet: f, others: newHistogram(), stay: rooms * w.Room}
	f.told = c.hear

	if w.AtOnce {
		if err := f.open(ctx, rooms*w.Room); err != nil {
			return report.Result{}, err
		}
	}
	m, err := startMeter(t.PID)
	if err != nil {
		return report.Result{}, err
	}
	err = c.phase(ctx, "joining", func() error { return c.fill(ctx, rooms*w.Room) })
	if err == nil {
		err = c.phase(ctx, "leaving", func() error { return c.empty(ctx, leave) })
	}
	seen, meterErr := m.end()
	if err := errors.Join(err, meterErr); err != nil {
		return report.Result{}, err
	}
	s.loop.Do(func() {
		s.result.Add("bytes received", "MB", report.Megabytes(c.received))
		if seen.HasProcess {
			s.result.Add("server CPU in all", "s", seen.CPU.Seconds())
		}
		s.result.Latency("dial to joined", f.joining)
		s.result.Latency("others told", c.others)
		s.result.Add("member_added", "", float64(c.added))
		s.result.Add("member_removed", "", float64(c.removed))
		// Of any two members, the first receives the join of the second.
		pairs := rooms * w.Room * (w.Room - 1) / 2
		leavings := rooms * leave * (w.Room - leave)
		s.result.Add("lost", "", float64(max(0, pairs-c.added)+max(0, leavings-c.removed)))
		s.result.Add("duplicated", "", float64(max(0, c.added-pairs)+max(0, c.removed-leavings)))
		s.result.Add("sockets closed by the server", "", float64(f.lost))
		s.result.Problems = f.problems.list(5)
	})
	addUsage(&s.result, seen, int64(c.added+c.removed))
	return s.result, nil
}

// company measures what members receive about each other.
type company struct {
	session  *session
	fleet    *fleet
	others   *hdrhistogram.Histogram // time from the request until another member has received it
	began    int64                   // the phase
	last     int64                   // when a member last received a join or leave
	added    int
	removed  int   // removals received by members that stay
	stay     int   // conns from here on leave
	received int64 // bytes, in both phases
}

// hear handles what the server sends a member about another.
func (c *company) hear(to *client.Conn, left bool, user []byte) {
	i, err := strconv.Atoi(string(user))
	switch {
	case err != nil || i >= len(c.fleet.conns) || i == int(to.Index): // some servers send members their own join
		return
	case !left:
		c.added++
	case int(to.Index) >= c.stay: // a member that leaves may receive it or not
		return
	default:
		c.removed++
	}
	c.last = c.fleet.loop.Now()
	record(c.others, c.last-c.fleet.peers[i].asked)
}

// phase measures an action of the members, until the last of the others has
// received it.
func (c *company) phase(ctx context.Context, name string, do func() error) error {
	m, err := startMeter(c.session.target.PID)
	if err != nil {
		return err
	}
	var had int64
	c.fleet.loop.Do(func() {
		c.began, had = c.fleet.loop.Now(), c.fleet.loop.Received()
		c.last = c.began
	})
	err = do()
	seen, meterErr := m.end()
	if err := errors.Join(err, meterErr, ctx.Err()); err != nil {
		return err
	}
	r := &c.session.result
	c.fleet.loop.Do(func() {
		r.Add(name+", the last one told after", "ms", float64(c.last-c.began)/1e6)
		received := c.fleet.loop.Received() - had
		c.received += received
		r.Add(name+", bytes received", "MB", report.Megabytes(received))
	})
	if seen.HasProcess {
		r.Add(name+", server CPU", "s", seen.CPU.Seconds())
	}
	return nil
}

// settle waits until a count has not changed for a while, or is as expected.
func (c *company) settle(ctx context.Context, count *int, expected int) error {
	deadline := time.Now().Add(patience)
	for last := -1; ; {
		var now int
		c.fleet.loop.Do(func() { now = *count })
		if now > last {
			deadline = time.Now().Add(patience)
		}
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
	var err error
	if c.fleet.gathers {
		c.fleet.loop.Do(c.fleet.admit)
		// Each member receives all others, and servers differ widely in the time for that.
		err = c.fleet.settle(ctx, allowance(n)+2*time.Minute, func() bool { return c.fleet.pending == 0 })
	} else {
		err = c.fleet.open(ctx, n)
	}
	if err != nil {
		return err
	}
	c.session.result.Add("joined", "/s", float64(n)/time.Since(began).Seconds())
	room := n / len(c.fleet.names)
	return c.settle(ctx, &c.added, n*(room-1)/2)
}

// empty lets some members of each room leave.
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
