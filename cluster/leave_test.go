package cluster

import (
	"context"
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
)

// saysBye says bye and lets everything come of it, after which it is known.
func (h *house) saysBye() {
	h.isKnown(h.peer.sayBye())
}

// isKnown lets everything come of a bye, after which it has to be known.
func (h *house) isKnown(known func(ctx context.Context)) {
	h.town.t.Helper()
	h.town.settle()
	for ; !h.up && h.beats > 0; h.beats-- {
		h.peer.Beats(nil, false)
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline.Long)
	defer cancel()
	if known(ctx); ctx.Err() != nil {
		h.town.t.Fatal("the bye is never known")
	}
}

func TestBye_WhoHasMoved_IsNeverToldAsGone(t *testing.T) {
	w := newTown(t, 2)
	stays := w.nodes[1].visit()
	stays.joins("presence-x", "ann")
	moves, goes := w.nodes[0].visit(), w.nodes[0].visit()
	moves.joins("presence-x", "bob")
	goes.joins("presence-x", "cid")
	stays.hears(members("presence-x", "ann"), added("presence-x", "bob"), added("presence-x", "cid"))

	w.nodes[0].peer.Drain()
	moves.leaves()
	goes.leaves()
	stays.hears()
	back := w.nodes[1].visit()
	back.joins("presence-x", "bob")
	w.settle()
	if !w.nodes[0].peer.Stranded() {
		t.Error("cid is on no other node")
	}
	back.hears(members("presence-x", "ann", "bob", "cid"))
	w.nodes[0].saysBye()
	stays.hears(removed("presence-x", "cid"))
	back.hears(removed("presence-x", "cid"))
	w.passes(30 * time.Second) // nor is anybody told later
	stays.hears()
}

func TestStranded_NotOnceEveryMemberIsElsewhere(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[0].visit()
	a.joins("presence-x", "ann")
	b.joins("presence-y", "bob")
	w.settle()
	w.nodes[0].peer.Drain()
	a.leaves()
	b.leaves()
	for _, m := range [][2]string{{"presence-x", "ann"}, {"presence-y", "bob"}} {
		if !w.nodes[0].peer.Stranded() {
			t.Fatalf("%s is on no other node", m[1])
		}
		w.nodes[1].visit().joins(m[0], m[1])
		w.settle()
	}
	if w.nodes[0].peer.Stranded() {
		t.Error("both are on another node")
	}
}

// Nodes that drain together are to know it of each other before they end.
func TestDrain_TheNodeBeatsFaster(t *testing.T) {
	w := newTown(t, 2)
	w.passes(5 * time.Second)
	count := func() uint64 { return w.nodes[1].peer.deaths.lines[1].count }
	w.nodes[1].peer.Drain() // it reads as often as it beats
	before := count()
	w.nodes[0].peer.Drain()
	w.passes(time.Second)
	if n := count() - before; n < 4 {
		t.Errorf("%d beats in a second", n)
	}
}

func TestBye_IsNoDeath(t *testing.T) {
	w := newTown(t, 2)
	w.passes(5 * time.Second)
	w.nodes[0].saysBye()
	w.passes(30 * time.Second)
	h := w.nodes[1].peer.Health()
	if len(h.Nodes) != 1 || h.Nodes[0].Node != 2 || h.Deaths != 0 || h.Young != 0 {
		t.Errorf("the other sees %+v", h)
	}
}

// A node that has said bye does not come back, whatever it is told.
func TestBye_ABrokenConnection_DoesNotBringTheNodeBack(t *testing.T) {
	w := newTown(t, 2)
	stays, gone := w.nodes[1].visit(), w.nodes[0].visit()
	stays.joins("presence-x", "ann")
	gone.joins("presence-x", "bob")
	w.nodes[0].saysBye()
	stays.hears(members("presence-x", "ann"), added("presence-x", "bob"), removed("presence-x", "bob"))
	w.passes(5 * time.Second)
	w.nodes[0].cut()
	w.nodes[0].connect()
	w.passes(15 * time.Second)
	stays.hears()
}

// Bye does not wait for what cannot be known, nor for what will not be.
func TestBye_OfANodeThatIsCut_Ends(t *testing.T) {
	w := newTown(t, 1)
	w.nodes[0].cut()
	w.nodes[0].saysBye()

	w = newTown(t, 1)
	known := w.nodes[0].peer.sayBye()
	w.nodes[0].cut()
	w.nodes[0].isKnown(known)
}
