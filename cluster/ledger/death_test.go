package ledger

import (
	"fmt"
	"testing"
)

func TestX3_AStruckNodeHoldsNothing(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(2, "anna", "bert"), hold(news, 1))
	d.do(B, 1, on(1, "bert"))
	d.strike(A)
	d.want("6<0 struck 1@1", d.said())
	d.want("seq=5 2@1:1 bert#3 2@1", d.state(room))
	d.want("seq=0", d.state(news))
	d.strike(A)
	d.want("", d.said())
	d.strike(77)
	d.want("", d.said())
	d.want("1 struck@1 n=3, 2 open@1 n=2", showAll(d.ask(Tick{}).Nodes))
}

func TestX3_WhatItHeldIsFreedInChunks(t *testing.T) {
	d := newDesk(t).opened(A, B)
	for i := range 3 * freedPerTick {
		d.do(A, 1, on(1, fmt.Sprint("user", i)))
	}
	d.do(B, 1, on(1, "anna"))
	d.strike(A)
	left := func() (n int) {
		for f := d.l.node(A).facts.first; f != nil; f = f.next {
			n++
		}
		return n
	}
	for _, want := range []int{1001, 501, 1, 0} {
		d.ask(Tick{})
		if got := left(); got != want {
			t.Errorf("%d facts are left, want %d", got, want)
		}
		d.want("seq=1503 2@1:1 anna#1503 2@1", d.state(room))
	}
}

func TestX4_AStruckNodeComesBackWithoutItsOldFacts(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(2, "anna", "bert"))
	d.do(B, 1, on(1, "carl"))
	d.strike(A)
	d.want("1 entering@2 n=2", d.link(Link{Node: A, Epoch: 1, First: 2}))
	d.want("seq=4 2@1:1 carl#4 2@1", d.state(room))
	d.do(A, 2, numbered(2, on(2, "anna", "bert")), numbered(3, on(1, "bert")))
	d.want("6<4 held 1@2 op 3", d.said()) // op 2 was applied before
	d.want("seq=6 1@2:1 2@1:1 carl#4 2@1 bert#6 1@2", d.state(room))
	d.do(A, 2, Op{Kind: OpDone})
	d.wait(2000)
	d.want("seq=6 1@2:1 2@1:1 carl#4 2@1 bert#6 1@2", d.state(room))
}

func TestX3_ALateStrikeMissesANodeThatIsBack(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(1, "anna"))
	d.strike(A)
	d.link(Link{Node: A, Epoch: 1, First: 3})
	d.do(A, 2, on(1, "anna"), Op{Kind: OpDone})
	d.want("1 open@2 n=4", show(d.ask(Strike{A, 1}).Standing))
	d.want("", d.said())
	d.want("1 struck@2 n=4", show(d.ask(Strike{A, 2}).Standing))
}

func TestX5_ByeStrikesAtOnce(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, hold(room, 1))
	d.want("link, 1 struck@1 n=3", d.do(A, 1, Op{Kind: OpBye}, hold(room, 2)))
	d.want("3<0 struck 1@1", d.said())
	d.want("seq=0", d.state(room))
}

func TestX3_AStruckNodeIsKnownForADay(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.strike(A)
	d.wait(struckKept - 1)
	d.want("1 struck@1 n=1, 2 open@1 n=1", showAll(d.ask(Poll{}).Nodes))
	d.wait(1)
	d.want("2 open@1 n=1", showAll(d.ask(Poll{}).Nodes))
}

func TestX3_StruckNodesAreBounded(t *testing.T) {
	d := newDesk(t)
	d.l.Chunk = -1 // frees nothing
	for i := range mostStruck + 2 {
		id := Node(5000 - i)
		d.opened(id)
		if i == 0 {
			d.do(id, 1, hold(room, 1))
		}
		d.strike(id)
		d.wait(1)
	}
	d.want("5000 struck@1 n=2", show(d.ask(Poll{Node: 5000}).Standing)) // not while a fact is left
	d.l.Chunk = 0
	d.wait(1)
	nodes := d.ask(Poll{}).Nodes
	if first, last := nodes[0].Node, nodes[len(nodes)-1].Node; len(nodes) != mostStruck || first != 5000-mostStruck-1 || last != 4998 {
		t.Errorf("%d nodes are known, from %d to %d", len(nodes), first, last)
	}
}
