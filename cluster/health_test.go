package cluster

import "testing"

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
