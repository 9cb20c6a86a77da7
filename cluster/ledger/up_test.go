package ledger

import "testing"

func TestU1_OpsAreAppliedOnceAndInOrder(t *testing.T) {
	d := newDesk(t).opened(A)
	d.want("1 open@1 n=3", d.do(A, 1, hold(room, 1), hold(room, 2)))
	d.want("2<0 held 1@1 op 2, 3<2 held 1@1 op 3", d.said())

	d.want("1 open@1 n=4", d.do(A, 1, numbered(2, hold(room, 7)), numbered(3, hold(room, 7)), numbered(4, hold(room, 3)))) // said again
	d.want("4<3 held 1@1 op 4", d.said())

	d.want("link, 1 open@1 n=4", d.do(A, 1, numbered(6, hold(room, 9)))) // one is missing
	d.want("", d.said())
	d.want("seq=4 1@1:3", d.state(room))

	d.want("link, 1 open@1 n=5", d.do(A, 1, numbered(5, hold(room, 5)), numbered(7, hold(room, 7)), numbered(6, hold(room, 6))))
	d.want("seq=5 1@1:5", d.state(room))
}

func TestU1_WhoIsNotLinkedHasTo(t *testing.T) {
	d := newDesk(t).opened(A)
	d.ask(Link{Node: C, First: 1, Peers: []Node{B}})
	d.do(C, 1, Op{Kind: OpBye})
	for _, c := range []struct {
		why   string
		node  Node
		epoch uint32
		want  string
	}{
		{"unknown", 77, 1, "link, 77 unknown@0 n=0"},
		{"listed by a peer only", B, 0, "link, 2 entering@0 n=0"},
		{"an earlier epoch", A, 0, "link, 1 open@1 n=1"},
		{"a later epoch", A, 2, "link, 1 open@1 n=1"},
		{"struck", C, 1, "link, 3 struck@1 n=1"},
	} {
		t.Run(c.why, func(t *testing.T) {
			d.t = t
			d.want(c.want, d.do(c.node, c.epoch, hold(room, 1)))
			d.want("", d.said())
			a := d.ask(Poll{Node: c.node, Epoch: c.epoch})
			if !a.Link {
				t.Error("a poll is answered as if the node were linked")
			}
			d.want(c.want, "link, "+show(a.Standing))
		})
	}
	d.want("seq=0", d.state(room))
	if a := d.ask(Poll{Node: A, Epoch: 1}); a.Link || show(a.Standing) != "1 open@1 n=1" {
		t.Errorf("a linked node is answered %+v", a)
	}
}

func TestU2_Link(t *testing.T) {
	type step struct {
		why   string
		link  Link
		want  string
		again string // what the same link is answered right after
	}
	for _, c := range []struct {
		name   string
		before func(d *desk) // node A is open in epoch 1 with n=3
		steps  []step
	}{
		{"open", func(*desk) {}, []step{
			{"all is there", Link{Node: A, Epoch: 1, First: 4}, "1 open@1 n=3", "1 open@1 n=3"},
			{"the node keeps more than needed", Link{Node: A, Epoch: 1, First: 2}, "1 open@1 n=3", "1 open@1 n=3"},
			{"the node has dropped an op", Link{Node: A, Epoch: 1, First: 5}, "1 entering@2 n=4", "1 entering@3 n=4"},
		}},
		{"asks to enter", func(*desk) {}, []step{
			{"wish", Link{Node: A, Epoch: 1, First: 4, Enter: true}, "1 entering@2 n=3", "1 entering@3 n=3"},
		}},
		{"other epochs", func(*desk) {}, []step{
			{"an earlier one", Link{Node: A, Epoch: 0, First: 4}, "1 entering@2 n=3", "1 entering@3 n=3"},
			{"a later one", Link{Node: A, Epoch: 7, First: 4}, "1 entering@8 n=3", "1 entering@9 n=3"},
		}},
		{"in the middle of entering", func(d *desk) { d.ask(Link{Node: A, Epoch: 1, First: 4, Enter: true}) }, []step{
			{"goes on", Link{Node: A, Epoch: 2, First: 4}, "1 entering@2 n=3", "1 entering@2 n=3"},
			{"has dropped an op", Link{Node: A, Epoch: 2, First: 6}, "1 entering@3 n=5", "1 entering@4 n=5"},
		}},
		{"struck", func(d *desk) { d.strike(A) }, []step{
			{"its number is known", Link{Node: A, Epoch: 1, First: 2}, "1 entering@2 n=3", "1 entering@3 n=3"},
		}},
		{"unknown", func(*desk) {}, []step{
			{"a new node", Link{Node: B, Epoch: 0, First: 1}, "2 entering@1 n=0", "2 entering@2 n=0"},
			{"one that was somewhere before", Link{Node: C, Epoch: 4, First: 10}, "3 entering@5 n=9", "3 entering@6 n=9"},
		}},
		{"listed by a peer", func(d *desk) { d.ask(Link{Node: A, Epoch: 1, First: 4, Peers: []Node{B}}) }, []step{
			{"comes for the first time", Link{Node: B, Epoch: 0, First: 1}, "2 entering@1 n=0", "2 entering@2 n=0"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t).opened(A)
			d.do(A, 1, hold(room, 1), hold(room, 2))
			c.before(d)
			for _, s := range c.steps {
				if got := d.link(s.link); got != s.want {
					t.Errorf("%s: want %s, got %s", s.why, s.want, got)
				}
				if got := d.link(s.link); got != s.again {
					t.Errorf("%s, again: want %s, got %s", s.why, s.again, got)
				}
			}
		})
	}
}

func TestU2_PeersThatAreNotKnownAreListedAsEntering(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.strike(B)
	d.ask(Link{Node: A, Epoch: 1, First: 2, Peers: []Node{C, B, A, C}})
	d.want("1 open@1 n=1, 2 struck@1 n=1, 3 entering@0 n=0", showAll(d.ask(Poll{Node: A, Epoch: 1}).Nodes))
}

// A dump has a node as struck that was back when the memory was lost.
func TestU2_PeersThatWereStruckInAnotherMemoryAreEntering(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(B, 1, hold(room, 1))
	d.strike(B)
	d.ask(Link{Node: A, Epoch: 1, First: 2, Birth: 100, Peers: []Node{B}})
	d.want("1 open@1 n=1, 2 struck@1 n=2", showAll(d.ask(Poll{Node: A, Epoch: 1}).Nodes))
	d.ask(Link{Node: A, Epoch: 1, First: 2, Birth: 99, Peers: []Node{B}})
	d.want("1 open@1 n=1, 2 entering@2 n=2", showAll(d.ask(Poll{Node: A, Epoch: 1}).Nodes))
	d.want("seq=0", d.state(room))
	d.strike(B) // it died with the server
	d.want("5<0 struck 2@2", d.said())
}

func TestU2_Entering_SaysAllAgain(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(3, "anna", "bert", "carl"), hold(news, 2))
	d.do(B, 1, on(1, "dora"))
	before := "seq=5 1@1:3 2@1:1 anna#3 1@1 bert#3 1@1 carl#3 1@1 dora#5 2@1"
	d.want(before, d.state(room))

	d.want("1 entering@2 n=3", d.link(Link{Node: A, Epoch: 1, First: 4, Enter: true}))
	d.want(before, d.state(room)) // nothing better is known

	d.do(A, 2, off(2, "bert"), on(2, "carl", "anna", "emil"))
	d.want("seq=7 1@2:2 2@1:1 anna#3 1@2 carl#3 1@2 dora#5 2@1 emil#7 1@2", d.state(room))
	d.want("seq=4 1@1:2", d.state(news))

	d.want("1 open@2 n=6", d.do(A, 2, Op{Kind: OpDone}))
	d.want("8<0 entered 1@2", d.said())
	d.want("seq=0", d.state(news)) // not said again
	d.want("seq=7 1@2:2 2@1:1 anna#3 1@2 carl#3 1@2 dora#5 2@1 emil#7 1@2", d.state(room))

	d.do(A, 2, Op{Kind: OpDone})
	d.want("", d.said()) // an open node has entered already
}

func TestU2_AtDoneWhatWasNotSaidAgainCountsNoMore(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(3, "anna", "bert", "carl"))
	d.do(B, 1, on(1, "bert"))
	d.ask(Link{Node: A, Epoch: 1, First: 3, Enter: true})
	d.do(A, 2, on(1, "carl"), Op{Kind: OpDone})
	d.want("seq=5 1@2:1 2@1:1 bert#3 2@1 carl#3 1@2", d.state(room))
	full := on(2, "emil", "finn")
	full.Most = 3
	d.do(B, 1, full)
	d.want("7<5 held 2@1 op 3 refused [finn]", d.said())
	a := d.ask(Describe{room})
	if !equal(a.Members, []string{"bert", "carl", "emil"}) || a.Channels[0].Users != 3 || a.Channels[0].Sockets != 3 {
		t.Errorf("described as %+v %q", a.Channels, a.Members)
	}
}
