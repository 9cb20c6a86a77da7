package cluster

import (
	"testing"
	"time"

	"fanfare/cluster/ledger"
)

// What a node had written to a connection that is dead comes late, and the ledger
// takes it for one that enters. The node notices, also the one that ticks and has
// nothing else to say.
func TestLink_LateOne_IsNoticed(t *testing.T) {
	w := newTown(t, 2)
	w.passes(10 * time.Second)
	const p = Partition(3)
	l := w.engine.ledgers[p]
	for _, h := range w.nodes {
		l.Handle(w.engine.run, 1, 0, ledger.Link{Node: h.peer.cfg.Node, Epoch: h.peer.partitions[p].link.epoch - 1, First: 1})
	}
	w.passes(5 * time.Second)
	a, _ := l.Handle(w.engine.run, 1, 0, ledger.Poll{})
	for _, n := range a.Nodes {
		if n.Status != ledger.Open {
			t.Errorf("node %d is entering still", n.Node)
		}
	}
}
