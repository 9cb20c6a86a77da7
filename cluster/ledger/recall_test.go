package ledger

import (
	"fmt"
	"testing"
	"time"
)

// recalled is an event of a memory that is lost, as B's first op.
func recalled(data string, was uint64) Op {
	return Op{
		Kind: OpRecall, Subject: news, Payload: []byte(data), Remember: time.Minute, Origin: Origin{B, 1}, Was: Place{90, was},
	}
}

func (d *desk) cached() string {
	d.t.Helper()
	c := d.ask(GetState{news}).State.Cached
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("%s of %d/%d, %d/%d<%d", c.Payload, c.Origin.Node, c.Origin.N, c.Was.Birth, c.Was.Seq, c.Seq)
}

func TestRecall_TheLatestOfTheLostMemoryIsRemembered(t *testing.T) {
	d := newDesk(t).opened(A)
	for _, step := range []struct {
		op     Op
		cached string
		said   string
	}{
		{recalled("two", 20), "two of 2/1, 90/20<2", "2<0 recalled 1@1 op 2"},
		{recalled("two", 20), "two of 2/1, 90/20<2", ""},
		{recalled("one", 10), "two of 2/1, 90/20<2", ""},
		{recalled("six", 60), "six of 2/1, 90/60<3", "3<2 recalled 1@1 op 5"},
		{Op{Kind: OpEvent, Subject: news, Payload: []byte("new"), Remember: time.Minute}, "new of 1/6, 0/0<4", "4<3 event 1@1 op 6"},
		{recalled("ten", 100), "new of 1/6, 0/0<4", ""},
	} {
		d.do(A, 1, step.op)
		d.want(step.said, d.said())
		d.want(step.cached, d.cached())
	}
}

func TestRecall_OfAnotherMemory_TheFirstIsRemembered(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, recalled("two", 20))
	other := recalled("ten", 100)
	other.Was.Birth = 80
	d.do(A, 1, other)
	d.want("two of 2/1, 90/20<2", d.cached())
}

func TestRecall_OverTheEventOfADump(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, Op{Kind: OpEvent, Subject: news, Payload: []byte("old"), Remember: time.Minute})
	d.run, d.fresh = "run2", 101
	d.link(Link{Node: A, Epoch: 1, First: 3})
	d.want("old of 1/2, 100/2<2", d.cached())
	same := recalled("same", 2)
	same.Was.Birth = 100
	d.do(A, 3, same)
	d.want("old of 1/2, 100/2<2", d.cached())
	d.do(A, 3, recalled("lost", 1))
	d.want("lost of 2/1, 90/1<3", d.cached())
	d.run, d.fresh = "run3", 102
	d.want("lost of 2/1, 101/3<3", d.cached())
}

func TestRecall_WhatThisMemoryGoesOnFromIsNotTaken(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, Op{Kind: OpEvent, Subject: news, Payload: []byte("old"), Remember: time.Minute})
	d.run, d.fresh = "run2", 101
	d.link(Link{Node: A, Epoch: 1, First: 3})
	d.do(A, 3, Op{Kind: OpEvent, Subject: news, Payload: []byte("new"), Remember: time.Minute})
	d.run, d.fresh = "run3", 102
	d.link(Link{Node: A, Epoch: 3, First: 4})
	had := recalled("old", 2)
	had.Was.Birth = 100
	d.do(A, 5, had)
	d.want("new of 1/3, 101/3<3", d.cached())
}

func TestRecall_OverOneThatWasRecalledBefore_ByItsPlace(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, recalled("two", 20))
	d.run, d.fresh = "run2", 101
	d.link(Link{Node: A, Epoch: 1, First: 3})
	d.do(A, 3, recalled("one", 10))
	d.want("two of 2/1, 100/2<2", d.cached())
	d.do(A, 3, recalled("six", 60))
	d.want("six of 2/1, 90/60<3", d.cached())
}
