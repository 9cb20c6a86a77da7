package cluster

import (
	"testing"
	"time"

	"fanfare/cluster/ledger"
)

// dies ends a node: it says nothing more and hears nothing.
func (h *house) dies() {
	h.up = false
	h.link++
	for i, other := range h.town.nodes {
		if other == h {
			h.town.nodes = append(h.town.nodes[:i:i], h.town.nodes[i+1:]...)
			return
		}
	}
}

func threeMembers(t *testing.T) (w *town, a, b, c *visitor) {
	w = newTown(t, 3)
	w.passes(3 * time.Second)
	a, b, c = w.nodes[0].visit(), w.nodes[1].visit(), w.nodes[2].visit()
	a.joins("presence-x", "ann")
	b.joins("presence-x", "bob")
	c.joins("presence-x", "cid")
	a.got, b.got, c.got = nil, nil, nil
	return w, a, b, c
}

func TestDeath_IsToldOnceAfterTenSeconds_OfThoseWhoAreNotBack(t *testing.T) {
	w, a, b, c := threeMembers(t)
	second := w.nodes[2].visit()
	second.joins("presence-x", "dot")
	w.nodes[2].dies()
	back := w.nodes[0].visit()
	back.joins("presence-x", "dot")
	w.passes(9 * time.Second)
	a.hears(added("presence-x", "dot"))
	b.hears(added("presence-x", "dot"))
	w.passes(6 * time.Second)
	a.hears(removed("presence-x", "cid"))
	b.hears(removed("presence-x", "cid"))
	w.passes(time.Minute)
	a.hears()
	b.hears()
	_ = c
	if info, _ := infoOf(w, w.nodes[0], "presence-x"); info.Users != 3 || info.Sockets != 3 {
		t.Errorf("the channel is %+v", info)
	}
	if n := w.nodes[0].peer.Health().Deaths + w.nodes[1].peer.Health().Deaths; n == 0 {
		t.Error("no death is counted")
	}
}

// Each node that saw it counts a death once. One that comes later does not: the
// table lists the dead for a day.
func TestDeath_IsCountedByThoseWhoSawIt(t *testing.T) {
	w, _, _, _ := threeMembers(t)
	w.nodes[2].dies()
	w.passes(time.Minute)
	late := w.build(4)
	late.connect()
	w.passes(time.Minute)
	for i, want := range []uint64{1, 1, 0} {
		if h := w.nodes[i].peer.Health(); h.Deaths != want {
			t.Errorf("node %d counts %d deaths, want %d", h.Node, h.Deaths, want)
		}
	}
}

func TestDeath_FrozenNode_IsRemovedAndAddedAgain(t *testing.T) {
	w, a, b, c := threeMembers(t)
	frozen := w.nodes[2]
	frozen.frozen = true
	w.passes(20 * time.Second)
	a.hears(removed("presence-x", "cid"))
	b.leaves()
	frozen.thaw()
	a.hears(removed("presence-x", "bob"))
	w.passes(5 * time.Second)
	a.hears(added("presence-x", "cid"))
	c.hears(removed("presence-x", "bob"))
	w.passes(time.Minute)
	a.hears()
	c.hears()
	if got := frozen.peer.Health(); got.Open != Partitions {
		t.Errorf("health is %+v", got)
	}
}

func TestDeath_EngineIsSlowForEverybody_NobodyIsJudged(t *testing.T) {
	w, a, b, _ := threeMembers(t)
	for range 6 { // beats come back late, again and again
		held := w.steps
		w.steps = nil
		for range 60 {
			w.now = w.now.Add(turnEvery)
			for _, h := range w.nodes {
				h.peer.Turn()
			}
		}
		w.steps = append(held, w.steps...)
		w.settle()
	}
	a.hears()
	b.hears()
}

func TestDeath_WithTheEngine_IsToldOnceTheOthersAreBack(t *testing.T) {
	w, a, b, _ := threeMembers(t)
	w.nodes[2].dies()
	for _, h := range w.nodes {
		h.cut()
	}
	w.wipe()
	w.passes(time.Minute)
	for _, h := range w.nodes {
		h.connect()
	}
	w.passes(9 * time.Second)
	a.hears()
	w.passes(10 * time.Second)
	a.hears(removed("presence-x", "cid"))
	b.hears(removed("presence-x", "cid"))
	for _, h := range w.nodes[:2] {
		if h := h.peer.Health(); h.Young != 0 || h.Deaths != 1 {
			t.Errorf("%d partitions are young, and %d deaths are counted", h.Young, h.Deaths)
		}
	}
}

// The engine is another one, with another table: what was seen of the one before
// does not count.
func TestDeath_EngineIsAnother_ObservationsBeginAnew(t *testing.T) {
	w, a, b, _ := threeMembers(t)
	away := w.nodes[2]
	away.cut()
	w.passes(8 * time.Second)
	w.engine.run += "x"
	w.passes(8 * time.Second)
	a.hears()
	b.hears()
	away.connect()
	w.passes(20 * time.Second)
	a.hears()
	b.hears()
	away.cut()
	w.passes(15 * time.Second)
	a.hears(removed("presence-x", "cid"))
	b.hears(removed("presence-x", "cid"))
}

func TestDeath_OldDump_GhostsAreNeverTold(t *testing.T) {
	w, a, b, c := threeMembers(t)
	dump := w.engine.dump()
	c.leaves()
	a.hears(removed("presence-x", "cid"))
	b.hears(removed("presence-x", "cid"))
	late := w.nodes[1].visit()
	late.joins("presence-x", "late")
	a.hears(added("presence-x", "late"))
	for _, h := range w.nodes {
		h.cut()
	}
	w.engine.load(dump)
	for _, h := range w.nodes {
		h.connect()
		w.passes(time.Second)
		v := h.visit()
		v.joins("presence-x", "ann")
		if h == w.nodes[1] {
			v.hears(members("presence-x", "ann", "bob", "late"))
		}
	}
	w.passes(time.Minute)
	a.hears()
	b.hears(added("presence-x", "late"))
}

func TestDeath_WhoMayBeMarked_LinksBehindABeat(t *testing.T) {
	w := newTown(t, 2)
	w.passes(3 * time.Second)
	h := w.nodes[1]
	h.cut()
	w.passes(20 * time.Second)
	h.sent = nil
	h.connect()
	if n := len(h.sent); n > 0 {
		t.Errorf("%d requests are sent before the beat is answered", n)
	}
	w.settle()
	w.passes(time.Second)
	if got := h.peer.Health(); got.Open != Partitions {
		t.Errorf("health is %+v", got)
	}
}

// dump is the engine's memory as of now, load takes it back in another run.
func (s *server) dump() (all [Partitions]*ledger.Ledger) {
	for i, l := range s.ledgers {
		all[i] = l.Clone()
	}
	return all
}

func (s *server) load(all [Partitions]*ledger.Ledger) {
	s.ledgers = all
	s.run += "x"
}
