package ledger

import (
	"slices"
	"testing"
)

func TestFull_RefusesEventsAndNewUsers_AndTakesTheRest(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(2, "anna", "bert"))
	exempt := numbered(6, on(2, "dora"))
	exempt.Exempt = true
	a := d.ask(Do{Node: A, Epoch: 1, Full: true, Ops: []Op{
		numbered(3, event(room, 0)), numbered(4, on(2, "anna", "carl")), numbered(5, off(1, "bert")), exempt, numbered(7, hold(news, 3)),
	}})
	if !slices.Equal(a.Full, []uint64{3}) || a.Standing.N != 7 {
		t.Errorf("answer %+v", a)
	}
	d.want("4<3 held 1@1 op 4 refused [carl], 5<4 held 1@1 op 5, 6<5 held 1@1 op 6, 7<0 held 1@1 op 7", d.said())
	d.want("seq=6 1@1:2 anna#3 1@1 dora#6 1@1", d.state(room))
	a = d.ask(Do{Node: A, Epoch: 1, Ops: []Op{numbered(3, event(room, 0))}})
	d.want("", d.said())                         // done already
	a = d.ask(Link{Node: A, Epoch: 1, First: 3}) // the answer was lost
	if !slices.Equal(a.Full, []uint64{3}) || a.Standing.N != 7 {
		t.Errorf("it is told %+v", a)
	}
}
