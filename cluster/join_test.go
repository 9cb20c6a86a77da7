package cluster

import "testing"

func TestJoin_MembersOfTwoNodes_HearEachOther(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.joins("presence-x", "ann")
	a.hears(members("presence-x", "ann"))
	b.joins("presence-x", "bob")
	b.hears(members("presence-x", "ann", "bob"))
	a.hears(added("presence-x", "bob"))
	second := w.nodes[1].visit()
	second.joins("presence-x", "bob")
	second.hears(members("presence-x", "ann", "bob"))
	elsewhere := w.nodes[0].visit()
	elsewhere.joins("presence-x", "bob")
	elsewhere.hears(members("presence-x", "ann", "bob"))
	b.leaves()
	second.leaves()
	a.hears()
	elsewhere.unsubscribes("presence-x")
	a.hears(removed("presence-x", "bob"))
	a.leaves()
	elsewhere.leaves()
	w.empty()
}
