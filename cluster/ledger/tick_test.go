package ledger

import (
	"fmt"
	"testing"
	"time"
)

func TestTick_FreesWhatNobodyAsksFor(t *testing.T) {
	const things = 3*freedPerTick + 1
	for _, c := range []struct {
		name string
		do   func(d *desk, s Subject)
		end  func(d *desk)
	}{
		{"facts", func(d *desk, s Subject) { d.do(A, 1, hold(s, 1)) }, func(d *desk) { d.strike(A) }},
		{"facts that were not said again", func(d *desk, s Subject) { d.do(A, 1, hold(s, 1)) }, func(d *desk) {
			d.ask(Link{Node: A, Epoch: 1, First: 1, Enter: true})
			d.do(A, 2, Op{Kind: OpDone})
		}},
		{"users", func(d *desk, s Subject) { d.do(A, 1, on(0, s.Name)) }, func(d *desk) {
			d.do(B, 1, on(1, "zoe"))
			d.strike(A)
		}},
		{"cached events", func(d *desk, s Subject) { d.do(A, 1, event(s, time.Second)) }, func(d *desk) {
			d.l.Chunk = -1
			d.wait(1000)
			d.l.Chunk = 0
		}},
		{"close marks", func(d *desk, s Subject) { d.do(A, 1, Op{Kind: OpClose, Subject: s}) }, func(d *desk) {
			d.l.Chunk = -1
			for range markKept / 2000 {
				d.now += 2000
				d.l.Handle(d.run, d.fresh, d.now, Tick{})
			}
			d.l.Chunk = 0
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t).opened(A, B)
			for i := range things {
				c.do(d, Subject{Channel, fmt.Sprint("app", i%7), fmt.Sprint("name", i)})
			}
			c.end(d)
			left := func() int {
				n := 0
				for _, in := range d.l.places {
					for _, rec := range in.records {
						if !d.l.says(rec) {
							n++
						} else if rec.members != nil {
							n += len(rec.members.users) - d.l.present(rec)
						}
					}
				}
				return n
			}
			for _, want := range []int{things, 1001, 501, 1, 0} {
				if got := left(); got != want {
					t.Fatalf("%d are left, want %d", got, want)
				}
				d.ask(Tick{})
			}
		})
	}
}
