package bench

import (
	"time"

	"fanfare/bench/client"
)

// batches is the outlet through POST /apps/ID/batch_events of several servers,
// or /events if a batch is of one event. It belongs to its loop's goroutine.
type batches struct {
	load     *load
	targets  []Target
	channels []string
	size     int
	batch    int
	idle     []*client.Caller
	flights  [][]int // by caller: the channels of its request in progress
	due      []int64 // by caller
	events   []batched
	scratch  []byte
}

// newBatches creates the outlet of a load. The load counts requests: of a batch it
// knows only the first event.
func newBatches(d *load, targets []Target, channels []string, size, callers, batch int) {
	o := &batches{load: d, targets: targets, channels: channels, size: size, batch: batch, flights: make([][]int, callers), due: make([]int64, callers)}
	for i := range callers {
		c := client.NewCaller(d.loop, targets[i%len(targets)].addr, uint32(i))
		c.Answered = o.answered
		o.idle = append(o.idle, c)
	}
	d.out = o
}

// ready implements outlet.
func (o *batches) ready() bool { return len(o.idle) > 0 }

// next implements outlet.
func (o *batches) next() uint32 { return o.idle[len(o.idle)-1].Stream }

// send implements outlet.
func (o *batches) send(channel int, s stamp, due int64) {
	c := o.idle[len(o.idle)-1]
	o.idle = o.idle[:len(o.idle)-1]
	o.due[c.Stream] = due
	t := o.targets[int(c.Stream)%len(o.targets)]
	on := append(o.flights[c.Stream][:0], channel)
	o.events = append(o.events[:0], batched{o.channels[channel], s})
	for range o.batch - 1 {
		channel = (channel + 1) % len(o.channels)
		s = o.load.ledger.issue(channel, c.Stream, due)
		o.load.open++
		on = append(on, channel)
		o.events = append(o.events, batched{o.channels[channel], s})
	}
	o.flights[c.Stream] = on
	if o.batch == 1 {
		o.scratch = t.dialect.appendTrigger(o.scratch[:0], t, o.channels[channel:channel+1], s, o.size, time.Now())
	} else {
		o.scratch = t.dialect.appendBatch(o.scratch[:0], t, o.events, o.size, time.Now())
	}
	c.Send(o.scratch)
}

func (o *batches) answered(c *client.Caller, status int, body []byte) {
	o.idle = append(o.idle, c)
	took := o.targets[int(c.Stream)%len(o.targets)].dialect.took(status, body)
	for _, channel := range o.flights[c.Stream] {
		if took {
			o.load.taken(channel, c.Stream, o.due[c.Stream])
		} else {
			o.load.denied(refusal(status, body))
		}
	}
}
