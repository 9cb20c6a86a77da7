package bench

import (
	"context"
	"fmt"
	"time"

	"fanfare/bench/client"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// load sends events through an outlet. It is a task of its loop and belongs to the
// loop's goroutine.
type load struct {
	loop   *client.Loop
	ledger *ledger // nil if deliveries are not measured
	out    outlet

	// rate is how many events a second are due, independent of earlier ones (open
	// loop). 0 means closed loop: the next event is due when the earlier ones are
	// answered, and delivered if there is a ledger.
	rate  float64
	count int                     // number of channels, which are used in turn
	live  func(channel int) int64 // number of sockets that will receive an event; nil means none
	flood bool                    // closed loop: do not wait for deliveries
	limit int                     // maximum number of events; 0 means no limit

	running   bool
	began     int64
	begun     int   // events due so far in this run, for the rate
	issued    int   // events in all
	open      int   // sent and not answered
	expected  int64 // deliveries
	sentLast  int64
	accepted  int64
	refused   int64
	stalls    int // closed loop: times that deliveries were not waited for any longer
	measuring bool
	answers   *hdrhistogram.Histogram // due to answered
	late      *hdrhistogram.Histogram // due to sent
	problems  problems
}

// outlet is a way to send events to the server.
type outlet interface {
	// ready reports whether an event can be sent now.
	ready() bool
	// next returns the stream of the next event.
	next() uint32
	// send sends an event.
	send(channel int, s stamp, due int64)
}

// stallAfter is how long a closed loop waits for deliveries before it goes on.
const stallAfter = int64(5 * time.Second)

func newLoad(l *client.Loop, b *ledger, rate float64, channels int) *load {
	return &load{loop: l, ledger: b, rate: rate, count: channels, answers: newHistogram(), late: newHistogram()}
}

// Turn implements task.
func (d *load) Turn(now int64) (next int64) {
	if !d.running {
		return 0
	}
	if d.rate > 0 {
		return d.openTurn(now)
	}
	for d.running && d.out.ready() && !d.spent() {
		if d.ledger != nil && !d.flood {
			if d.open > 0 {
				return 0
			}
			if d.ledger.delivered < d.expected {
				if now-d.sentLast < stallAfter {
					return d.sentLast + stallAfter
				}
				d.stalls++
				d.expected = d.ledger.delivered
			}
		}
		d.send(now, now)
	}
	return 0
}

func (d *load) openTurn(now int64) (next int64) {
	for d.running && !d.spent() {
		due := d.began + int64(float64(d.begun)*1e9/d.rate)
		if due > now {
			return due
		}
		if !d.out.ready() {
			return 0 // an answer wakes the loop
		}
		d.begun++
		d.send(due, now)
	}
	return 0
}

func (d *load) spent() bool { return d.limit > 0 && d.issued >= d.limit }

func (d *load) send(due, now int64) {
	channel := d.issued % d.count
	d.issued++
	d.open++
	d.sentLast = now
	s := stamp{stream: d.out.next()}
	if d.ledger != nil {
		s = d.ledger.issue(channel, s.stream, due)
	}
	if d.measuring {
		record(d.late, now-due)
	}
	d.out.send(channel, s, due)
}

// taken records that the server accepted an event.
func (d *load) taken(channel int, stream uint32, due int64) {
	now := d.loop.Now()
	d.open--
	d.accepted++
	if d.measuring {
		record(d.answers, now-due)
	}
	if d.ledger != nil {
		d.ledger.accept(channel, stream)
		d.expected += d.live(channel)
	}
}

// revoke records that the server refused an event after it was counted as accepted:
// client events are answered only if they are refused.
func (d *load) revoke(channel int, stream uint32) {
	d.accepted--
	d.refused++
	d.ledger.refuse(channel, stream)
	d.expected -= d.live(channel)
}

// denied records that the server refused an event.
func (d *load) denied(why string) {
	d.open--
	d.refused++
	d.problems.add(why)
	if d.accepted == 0 && d.refused >= hopeless {
		d.running = false
	}
}

// hopeless is the number of consecutive refusals that ends a load.
const hopeless = 100

// start starts to send, warm-up first.
func (d *load) start() {
	d.loop.Do(func() {
		d.running, d.began, d.begun = true, d.loop.Now(), 0
		d.Turn(d.loop.Now())
	})
}

// measure starts the measured part.
func (d *load) measure() {
	d.loop.Do(func() {
		d.measuring = true
		if d.ledger != nil {
			d.ledger.measure()
		}
	})
}

// finish stops sending and waits until all events are answered and delivered, at
// most for patience: the rest counts as lost.
func (d *load) finish(ctx context.Context, patience time.Duration) error {
	d.loop.Do(func() {
		d.running = false
		if d.ledger != nil {
			d.ledger.to = uint32(len(d.ledger.due))
		}
	})
	done := func() bool { return d.open == 0 && (d.ledger == nil || d.ledger.delivered >= d.expected) }
	err := d.loop.Until(ctx, patience, "the last deliveries", done)
	d.loop.Do(func() { d.measuring = false })
	if ctx.Err() != nil {
		return fmt.Errorf("finish the load: %w", err)
	}
	return nil
}
