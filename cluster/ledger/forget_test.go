package ledger

import "testing"

func TestMemoryThatIsLost_AnotherRunMakesAllNodesEnterAgain(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(1, "anna"))
	d.strike(B)
	d.run, d.fresh = "run2", 200
	a := d.ask(Poll{Node: A, Epoch: 1})
	if a.Birth != 200 || a.Head != 4 || !a.Link {
		t.Errorf("answered %+v", a)
	}
	d.want("1 entering@2 n=2, 2 struck@1 n=1", showAll(a.Nodes))
	d.want("seq=3 1@1:1 anna#3 1@1", d.state(room))          // of an epoch before the current one: nobody believes it who did not know
	d.want("3<0 held 1@1 op 2, 4<0 struck 2@1", d.log(2, 9)) // goes on
	d.want("link, 1 entering@2 n=2", d.do(A, 1, numbered(3, hold(room, 1))))

	d.want("1 entering@3 n=2", d.link(Link{Node: A, Epoch: 1, First: 3}))
	d.do(A, 3, numbered(3, on(1, "anna")), numbered(4, Op{Kind: OpDone}))
	if e := d.entries[0]; e.Seq != 5 || e.Birth != 200 {
		t.Errorf("the entry after is %+v", e)
	}
	d.want("4<0 struck 2@1, 5<3 held 1@3 op 3, 6<0 entered 1@3", d.log(3, 9))
	d.fresh = 300
	if a := d.ask(Poll{Node: A, Epoch: 3}); a.Birth != 200 || a.Link {
		t.Errorf("the same run is answered %+v", a)
	}
}

func TestMemoryThatIsLost_AnEmptyLedgerHasABirthOfItsOwn(t *testing.T) {
	d := newDesk(t)
	if a := d.ask(GetState{room}); a.Birth != 100 || a.Head != 0 || a.State.Birth != 100 {
		t.Errorf("answered %+v", a)
	}
	d.want("1 entering@6 n=40", d.link(Link{Node: A, Epoch: 5, First: 41, Peers: []Node{B}}))
	d.want("1 entering@6 n=40, 2 entering@0 n=0", showAll(d.ask(Poll{}).Nodes))
	d.strike(B) // died with the engine
	d.want("1<0 struck 2@0", d.said())
}

func TestLedgerTime_NeverMovesByMoreThanTwoSeconds(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct{ now, want int64 }{
		{1_700_000_000_000, 2000}, {1_700_000_000_500, 2500}, {1_700_003_600_000, 4500}, {5, 4500}, {1005, 5500}, {1005, 5500},
	} {
		d.now = c.now
		d.ask(Tick{})
		if d.l.time != c.want {
			t.Errorf("clock %d: time %d, want %d", c.now, d.l.time, c.want)
		}
	}
	d.now = 9_000_000_000_000
	d.ask(Poll{})
	if d.l.time != 5500 {
		t.Error("a request that is no tick moves the time")
	}
}
