package bench

import (
	"fmt"
	"time"

	"fanfare/bench/client"
)

// triggers is the outlet through the HTTP API: keep-alive connections, each with at
// most one signed request in progress. It belongs to its loop's goroutine.
type triggers struct {
	load     *load
	target   Target
	channels []string
	to       int // number of channels of an event: a channel of the load is a group of this size
	size     int
	idle     []*client.Caller
	flights  []flight   // by caller
	prepared [][][]byte // by caller; nil signs each request as it is sent
	turns    []int      // by caller: the prepared request to send next
	scratch  []byte
}

// flight is the request that a caller has in progress.
type flight struct {
	channel int
	due     int64
}

// newTriggers creates the outlet of a load; callers is the number of connections.
func newTriggers(d *load, t Target, channels []string, size, callers int) *triggers {
	o := &triggers{load: d, target: t, channels: channels, to: 1, size: size, flights: make([]flight, callers)}
	for i := range callers {
		c := client.NewCaller(d.loop, t.addr, uint32(i))
		c.Answered = o.answered
		o.idle = append(o.idle, c)
	}
	d.out = o
	return o
}

// preparedEach is the number of prepared requests of each caller.
const preparedEach = 64

// prepare signs requests in advance, which are then sent repeatedly, so that signing
// does not limit the rate. It is used without subscribers only. Servers accept the
// signatures for ten minutes.
func (o *triggers) prepare(now time.Time) {
	o.turns = make([]int, len(o.flights))
	o.prepared = make([][][]byte, len(o.flights))
	for i := range o.prepared {
		for k := range preparedEach {
			channel := o.channels[(i+k)%len(o.channels)]
			s := stamp{stream: uint32(i), seq: uint32(k), event: uint32(k)}
			o.prepared[i] = append(o.prepared[i], o.target.dialect.appendTrigger(nil, o.target, []string{channel}, s, o.size, now))
		}
	}
}

// ready implements outlet.
func (o *triggers) ready() bool { return len(o.idle) > 0 }

// next implements outlet.
func (o *triggers) next() uint32 { return o.idle[len(o.idle)-1].Stream }

// send implements outlet.
func (o *triggers) send(channel int, s stamp, due int64) {
	c := o.idle[len(o.idle)-1]
	o.idle = o.idle[:len(o.idle)-1]
	o.flights[c.Stream] = flight{channel, due}
	if o.prepared != nil {
		mine := o.prepared[c.Stream]
		c.Send(mine[o.turns[c.Stream]%len(mine)])
		o.turns[c.Stream]++
		return
	}
	o.scratch = o.target.dialect.appendTrigger(o.scratch[:0], o.target, o.channels[channel*o.to:(channel+1)*o.to], s, o.size, time.Now())
	c.Send(o.scratch)
}

func (o *triggers) answered(c *client.Caller, status int, body []byte) {
	o.idle = append(o.idle, c)
	f := o.flights[c.Stream]
	if o.target.dialect.took(status, body) {
		o.load.taken(f.channel, c.Stream, f.due)
		return
	}
	o.load.denied(refusal(status, body))
}

func refusal(status int, body []byte) string {
	const enough = 200
	text := string(body[:min(len(body), enough)])
	if status == 0 {
		return text
	}
	return fmt.Sprintf("HTTP %d %s", status, text)
}
