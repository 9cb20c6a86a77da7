package ledger

import "testing"

func counted(sockets int) Op {
	op := hold(news, sockets)
	op.Hooks = HookCount
	return op
}

func TestTally_FewSockets_OnceATickWhatItIsThen(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, counted(1), counted(2))
	d.do(B, 1, counted(5))
	d.want("", d.told())
	d.lives(1000)
	d.want("count 7", d.told())
	d.do(A, 1, counted(3), counted(2))
	d.lives(1000)
	d.want("", d.told())
	d.strike(B)
	d.lives(1000)
	d.want("count 2", d.told())
	d.do(A, 1, counted(0))
	d.lives(1000)
	d.want("count 0", d.told())
	if len(d.l.tallies) > 0 {
		t.Error("a count of nobody is kept")
	}
}

func TestTally_ManySockets_OnceInFiveSeconds(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, counted(200))
	d.lives(1000)
	d.want("count 200", d.told())
	d.do(A, 1, counted(201))
	d.lives(4000)
	d.want("", d.told())
	d.do(A, 1, counted(202))
	d.lives(1000)
	d.want("count 202", d.told())
	d.do(A, 1, counted(100))
	d.lives(1000)
	d.want("count 100", d.told())
}

func TestTally_YoungPartition_Waits(t *testing.T) {
	d := newDesk(t).opened(A)
	d.ask(Link{Node: B, First: 1})
	d.do(A, 1, counted(1))
	d.lives(3000)
	d.want("", d.told())
	d.do(B, 1, counted(2), Op{Kind: OpDone})
	d.lives(1000)
	d.want("count 3", d.told())
}
