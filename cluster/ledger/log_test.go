package ledger

import (
	"strings"
	"testing"
)

func (d *desk) log(after uint64, most int) string {
	a := d.ask(GetLog{After: after, Most: most})
	if a.Missing {
		return "missing"
	}
	d.entries = a.Log
	return d.said()
}

func TestLog_After(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, hold(room, 1), event(room, 0))
	d.want("1<0 entered 1@1, 2<0 held 1@1 op 2, 3<2 event 1@1 op 3", d.log(0, 10))
	d.want("2<0 held 1@1 op 2, 3<2 event 1@1 op 3", d.log(1, 2))
	d.want("2<0 held 1@1 op 2", d.log(1, 1))
	d.want("", d.log(1, 0))
	d.want("", d.log(3, 10))
	d.want("missing", d.log(4, 10)) // a position of another memory
}

func TestLog_KeepsFifteenSeconds(t *testing.T) {
	d := newDesk(t).opened(A)
	d.wait(1)
	d.do(A, 1, hold(room, 1))
	d.wait(14_999)
	d.want("1<0 entered 1@1, 2<0 held 1@1 op 2", d.log(0, 10))
	d.wait(1)
	d.want("missing", d.log(0, 10))
	d.want("2<0 held 1@1 op 2", d.log(1, 10))
	d.wait(1)
	d.want("missing", d.log(1, 10))
	d.want("", d.log(2, 10))
}

func TestLog_KeepsItsBudget(t *testing.T) {
	d := newDesk(t)
	d.l.LogBytes = 10_000
	d.opened(A)
	long := event(room, 0)
	long.Payload = []byte(strings.Repeat("x", 4000))
	d.do(A, 1, long, long, hold(room, 1), long)
	d.want("missing", d.log(1, 10))
	d.want("3<0 event 1@1 op 3", d.log(2, 1))
}

func TestLog_GivesAPage(t *testing.T) {
	d := newDesk(t)
	d.l.PageBytes = 10_000
	d.opened(A)
	long := event(room, 0)
	long.Payload = []byte(strings.Repeat("x", 4000))
	longer := event(room, 0)
	longer.Payload = []byte(strings.Repeat("x", 12_000))
	d.do(A, 1, long, long, long, longer)
	d.want("2<0 event 1@1 op 2, 3<0 event 1@1 op 3", d.log(1, 10))
	d.want("4<0 event 1@1 op 4", d.log(3, 10))
	d.want("5<0 event 1@1 op 5", d.log(4, 10)) // one comes always
}

func TestHead_IsThatFromBeforeTheRequest(t *testing.T) {
	d := newDesk(t).opened(A)
	a := d.ask(Do{Node: A, Epoch: 1, Ops: []Op{numbered(2, hold(room, 1)), numbered(3, hold(room, 2))}})
	if a.Head != 1 || len(d.entries) != 2 {
		t.Errorf("head %d, entries %s", a.Head, d.said())
	}
	if a := d.ask(Poll{}); a.Head != 3 {
		t.Errorf("head %d", a.Head)
	}
}
