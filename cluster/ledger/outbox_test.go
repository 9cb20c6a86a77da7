package ledger

import (
	"fmt"
	"testing"
)

// collect is the ids that a node is given, and its term.
func (d *desk) collect(id Node, term, have, ack uint64, most int) string {
	d.t.Helper()
	a := d.ask(Collect{Node: id, Birth: d.l.birth, Term: term, Have: have, Ack: ack, Most: most})
	text := fmt.Sprint("term ", a.Term)
	for _, r := range a.Box {
		text += fmt.Sprint(" ", r.ID)
	}
	return text
}

// boxes puts n records into the outbox.
func (d *desk) boxes(n int) {
	d.t.Helper()
	for range n {
		d.do(A, 1, Op{Kind: OpEvent, Subject: room, Payload: []byte("x"), Hooks: HookEvents, Client: true})
	}
}

func TestOutbox_EachRecordIsGivenOnceUntilItIsLost(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.boxes(3)
	d.want("term 1 1 2", d.collect(A, 0, 0, 0, 2))
	d.want("term 1 3", d.collect(A, 1, 2, 0, 9))
	d.want("term 1 3", d.collect(A, 1, 2, 0, 9)) // the answer was lost
	d.boxes(1)
	d.want("term 1 4", d.collect(A, 1, 3, 3, 9))
	d.want("term 1", d.collect(A, 1, 4, 4, 9))
	if n := len(d.l.outbox.records); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

func TestOutbox_AnotherKeeper(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d *desk)
		want string
	}{
		{"while the first has records in its hands", func(*desk) {}, "term 0"},
		{"while a request of the first comes late", func(d *desk) { d.collect(A, 1, 0, 0, 0) }, "term 0"},
		{"when they are done with", func(d *desk) { d.collect(A, 1, 3, 3, 0); d.boxes(1) }, "term 2 4"},
		{"after the first was silent", func(d *desk) { d.wait(keeperSilence) }, "term 2 2 3"},
		{"not before", func(d *desk) { d.wait(keeperSilence - 1) }, "term 0"},
		{"when the first is struck", func(d *desk) { d.strike(A) }, "term 2 2 3"},
		{"after a new birth", func(d *desk) { d.run = "run2"; d.fresh++ }, "term 2 2 3"},
		{"that is struck itself", func(d *desk) { d.wait(keeperSilence); d.strike(B) }, "term 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t).opened(A, B)
			d.boxes(3)
			d.collect(A, 0, 0, 0, 9)
			d.want("term 1", d.collect(A, 1, 3, 1, 0))
			c.do(d)
			d.want("term 0", d.collect(B, 0, 0, 0, 0))
			d.want(c.want, d.collect(B, 0, 0, 0, 9))
			if c.want != "term 0" { // requests of the term before change nothing
				left := len(d.l.outbox.records)
				d.want("term 0", d.collect(A, 1, 3, 3, 9))
				if len(d.l.outbox.records) != left {
					t.Error("the keeper before has changed the outbox")
				}
			}
		})
	}
}

func TestOutbox_Full_TheOldestGo(t *testing.T) {
	d := newDesk(t).opened(A)
	d.boxes(1)
	d.l.BoxBytes = 10 * d.l.outbox.bytes
	d.boxes(11)
	d.want("term 1 3 4", d.collect(A, 0, 0, 0, 2))
	d.boxes(4)
	a := d.ask(Collect{Node: A, Birth: 100, Term: 1, Have: 4, Most: 1})
	if len(a.Box) != 1 || a.Box[0].ID != 7 || a.Boxed != 10 || a.Lost != 4 {
		t.Errorf("got %+v", a)
	}
}

// A server was wiped, and its keeper has the same term as before. What the node
// had said of the outbox of then comes late.
func TestOutbox_RequestOfAnotherMemory_ChangesNothing(t *testing.T) {
	d := newDesk(t).opened(A)
	d.boxes(3)
	d.want("term 1 1 2 3", d.collect(A, 0, 0, 0, 9))
	if a := d.ask(Collect{Node: A, Birth: 99, Term: 1, Have: 5, Ack: 5, Most: 9}); a.Term != 0 || a.Boxed != 3 {
		t.Errorf("a late request is answered term %d, and %d records are left", a.Term, a.Boxed)
	}
	d.want("term 1", d.collect(A, 1, 3, 3, 9))
}
