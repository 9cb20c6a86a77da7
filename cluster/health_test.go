package cluster

import (
	"testing"
	"time"
)

// What a node holds is not what it sees: the members of another are not its own.
func TestHealth_OwnMembers_AreThoseOfTheNodesSockets(t *testing.T) {
	w := newTown(t, 2)
	own := func(want ...int64) {
		t.Helper()
		for i, n := range w.nodes {
			if got := n.peer.OwnMembers(); got != want[i] {
				t.Errorf("node %d holds %d members, want %d", i+1, got, want[i])
			}
		}
	}
	ann, tab, bob := w.nodes[0].visit(), w.nodes[0].visit(), w.nodes[1].visit()
	ann.joins("presence-x", "ann")
	tab.joins("presence-x", "ann")
	tab.joins("presence-y", "ann")
	bob.joins("presence-x", "bob")
	own(2, 1)
	tab.leaves()
	own(1, 1)
	ann.leaves()
	own(0, 1)
}

// Declaring a node dead is no sign of life of it.
func TestHealth_ADeadNode_IsQuietSinceItWasHeardOf(t *testing.T) {
	w, _, _, _ := threeMembers(t)
	w.nodes[2].dies()
	w.passes(15 * time.Second)
	for _, n := range w.nodes[0].peer.Health().Nodes {
		if n.Node == 3 && (!n.Dead || n.Quiet < 13*time.Second) {
			t.Errorf("15 s after its end: dead %t, quiet for %s", n.Dead, n.Quiet)
		}
	}
}
