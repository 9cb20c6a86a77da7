package bench

import (
	"context"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"
	"fanfare/pusherproto"
)

// ClientEvents measures client events between the sockets of rooms.
type ClientEvents struct {
	Sockets  int
	Room     int // sockets of a room; each room is a private channel
	Size     int // of an event's data, bytes
	Rate     float64
	Warmup   time.Duration
	Duration time.Duration
}

// Run implements Scenario. With Rate 0 each room has one event in transit: the next
// member sends when it has received that event. Servers limit how many client
// events a socket may send: events above the limit are counted as refused, and the
// room stops sending.
func (w ClientEvents) Run(ctx context.Context, t Target) (report.Result, error) {
	rooms := w.Sockets / w.Room
	s, err := newSession("client-events", t, rooms*w.Room)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sockets", "%d", rooms*w.Room)
	s.result.Set("rooms", "%d", rooms)
	s.result.Set("data", "%d bytes", w.Size)
	s.result.Set("load", "%s", loadName(w.Rate))

	f := newFleet(s.loop, s.target, names("private-bench-room-", rooms))
	f.ledger = newLedger(rooms*w.Room, rooms, w.Room)
	if err := f.open(ctx, rooms*w.Room); err != nil {
		return report.Result{}, err
	}
	d := newLoad(s.loop, f.ledger, w.Rate, rooms)
	d.live = func(channel int) int64 { return f.live[channel] - 1 }
	c := &chatter{load: d, fleet: f, room: w.Room, size: w.Size}
	d.out = c
	s.loop.Do(func() { // counts arrive already
		f.onOther = func(sender *client.Conn, event string, _ []byte) {
			if event == "pusher:error" {
				d.revoke(f.channelOf(sender), uint32(c.memberOf(sender)))
			}
		}
		if w.Rate == 0 {
			d.limit = rooms // one for each room; from then on members answer
			d.flood = true
			f.onEvent = c.passOn
		}
	})
	m, err := s.drive(ctx, d, w.Warmup, w.Duration)
	if err != nil {
		return report.Result{}, err
	}
	s.deliveries(f.ledger, f, c.memberOf)
	s.loop.Do(func() { s.result.Add("refused", "", float64(d.refused)) })
	addUsage(&s.result, m, f.ledger.measured)
	return s.result, nil
}

// chatter is the outlet of client events. Member m of room r is socket
// m*rooms + r of the fleet, and m is its stream. It belongs to the loop.
type chatter struct {
	load  *load
	fleet *fleet
	room  int // members of one
	size  int
	sent  int
	buf   []byte
}

func (o *chatter) memberOf(c *client.Conn) int { return int(c.Index) / len(o.fleet.names) }

// ready implements outlet.
func (o *chatter) ready() bool { return true }

// next implements outlet. Each member's turn comes once every room has had one.
func (o *chatter) next() uint32 {
	m := o.sent / len(o.fleet.names) % o.room
	o.sent++
	return uint32(m)
}

// send implements outlet. Client events are not answered.
func (o *chatter) send(channel int, s stamp, due int64) {
	c := o.fleet.conns[int(s.stream)*len(o.fleet.names)+channel]
	b := append(o.buf[:0], `{"event":"client-bench","channel":`...)
	b = pusherproto.AppendString(b, o.fleet.names[channel])
	b = append(b, `,"data":"`...)
	b = appendData(b, s, o.size)
	o.buf = append(b, `"}`...)
	o.fleet.send(c, client.OpText, o.buf)
	o.load.taken(channel, s.stream, due)
}

// passOn lets the member after the sender send the room's next event.
func (o *chatter) passOn(c *client.Conn, s stamp) {
	m := (int(s.stream) + 1) % o.room
	if o.memberOf(c) != m || !o.load.running {
		return
	}
	channel := o.fleet.channelOf(c)
	now := o.load.loop.Now()
	o.load.open++
	o.send(channel, o.fleet.ledger.issue(channel, uint32(m), now), now)
}
