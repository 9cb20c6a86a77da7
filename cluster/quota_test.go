package cluster

import (
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// limited is a town in which an app may have so many sockets.
func limited(t *testing.T, nodes, most int) *town {
	return newTown(t, nodes, func(a *apps.App) { a.Limits.MaxConnections = most })
}

// knock opens a socket, which may have to wait.
func (h *house) knock() *visitor {
	h.town.t.Helper()
	v := &visitor{h: h}
	if refusal := v.Open(h.hub, &h.town.app, &h.loop, v); refusal != nil {
		h.town.t.Fatal(refusal)
	}
	return v
}

// knocks opens sockets and lets everything come of it.
func (h *house) knocks(n int) (all []*visitor) {
	h.town.t.Helper()
	for range n {
		all = append(all, h.knock())
	}
	h.town.settle()
	return all
}

// counted tells how many are in, refused for good, refused for now, and wait.
func counted(all ...*visitor) (in, full, busy, waiting int) {
	for _, v := range all {
		switch {
		case v.closed == pusherproto.CodeOverQuota:
			full++
		case v.closed == pusherproto.CodeOverCapacity:
			busy++
		case v.Established():
			in++
		default:
			waiting++
		}
	}
	return in, full, busy, waiting
}

func wantCounted(t *testing.T, all []*visitor, in, full, busy, waiting int) {
	t.Helper()
	if i, f, b, w := counted(all...); i != in || f != full || b != busy || w != waiting {
		t.Fatalf("%d in, %d full, %d busy, %d waiting; want %d, %d, %d, %d", i, f, b, w, in, full, busy, waiting)
	}
}

func leave(all ...*visitor) {
	for _, v := range all {
		v.leaves()
	}
}

// asks is how many ops about its share the node has sent.
func (h *house) asks() (n int) {
	for _, r := range h.sent {
		n += len(sharesOf(r))
	}
	return n
}

func sharesOf(r ledger.Request) (ops []ledger.Op) {
	if do, ok := r.(ledger.Do); ok {
		for _, op := range do.Ops {
			if op.Subject.Kind == ledger.App {
				ops = append(ops, op)
			}
		}
	}
	return ops
}

func TestQuota_OverTwoNodes_IsExact(t *testing.T) {
	w := limited(t, 2, 5)
	var all []*visitor
	for i := range 9 {
		all = append(all, w.nodes[i%2].knock())
	}
	w.settle()
	wantCounted(t, all, 5, 4, 0, 0)
	for _, v := range all {
		if greeted := strings.Contains(strings.Join(v.got, ""), "connection_established"); greeted != v.Established() {
			t.Errorf("established %t, was told %v", v.Established(), v.got)
		}
	}
	leave(all[0])
	next := w.nodes[1].knocks(2)
	wantCounted(t, next, 1, 1, 0, 0)
	leave(all...)
	leave(next...)
	w.empty()
}

func TestQuota_WithoutALimit_NothingIsSaid(t *testing.T) {
	w := newTown(t, 2)
	all := w.nodes[0].knocks(3)
	wantCounted(t, all, 3, 0, 0, 0)
	leave(all...)
	if n := w.nodes[0].asks(); n != 0 {
		t.Errorf("%d ops about shares", n)
	}
	w.empty()
}

// Far from the limit a node has places in reserve: nobody waits.
func TestQuota_FarFromTheLimit_NobodyWaits(t *testing.T) {
	w := limited(t, 2, 10_000)
	first := w.nodes[0].knock()
	if first.Established() {
		t.Fatal("the first socket did not wait for the ledger")
	}
	w.passes(time.Second)
	all := []*visitor{first}
	before := w.nodes[0].asks()
	for range 500 {
		all = append(all, w.nodes[0].knock())
	}
	wantCounted(t, all, 501, 0, 0, 0)
	if n := w.nodes[0].asks() - before; n > 1 {
		t.Errorf("%d ops for 500 sockets", n)
	}
	w.passes(3 * time.Second)
	before = w.nodes[0].asks()
	w.passes(10 * time.Second)
	if n := w.nodes[0].asks() - before; n != 0 {
		t.Errorf("%d ops while nothing happened", n)
	}
	leave(all...)
	w.empty()
}

// What one node has in reserve is another's when it needs it.
func TestQuota_AReserveIsGivenBack(t *testing.T) {
	w := limited(t, 2, 1000)
	all := w.nodes[0].knocks(1)
	w.passes(time.Second)
	if spare := shareOf(w, w.nodes[0]) - 1; spare < 50 {
		t.Fatalf("%d in reserve", spare)
	}
	all = append(all, w.nodes[1].knocks(999)...)
	wantCounted(t, all, 1000, 0, 0, 0)
	wantCounted(t, w.nodes[0].knocks(1), 0, 1, 0, 0)
	leave(all...)
	w.empty()
}

func shareOf(w *town, h *house) int {
	return w.share(h.peer.cfg.Node)
}

// share is what the ledger lets a node have.
func (w *town) share(n ledger.Node) int {
	w.t.Helper()
	name := connections(w.app.ID)
	a, _ := w.engine.ledgers[PartitionOf(name)].Handle(w.engine.run, 0, 0, ledger.GetState{Subject: name})
	for _, f := range a.State.Facts {
		if f.Node == n {
			return f.Sockets
		}
	}
	return 0
}

// Near the limit a place is free for others as soon as its socket has left.
func TestQuota_NearTheLimit_NothingIsInReserve(t *testing.T) {
	w := limited(t, 2, 20)
	all := w.nodes[0].knocks(10)
	w.passes(2 * time.Second)
	if n := shareOf(w, w.nodes[0]); n != 10 {
		t.Errorf("a node with 10 sockets may have %d", n)
	}
	leave(all[:4]...)
	if n := shareOf(w, w.nodes[0]); n != 6 {
		t.Errorf("a node with 6 sockets may have %d", n)
	}
	leave(all...)
	w.empty()
}

// A node that is dead, or stands still, does not say that it uses its share:
// clients are told to come back.
func TestQuota_ANodeThatSaysNothing_RefusesNobodyForGood(t *testing.T) {
	w := limited(t, 2, 4)
	there := w.nodes[1].knocks(4)
	w.nodes[1].frozen = true
	all := w.nodes[0].knocks(2)
	wantCounted(t, all, 0, 0, 0, 2)
	w.passes(2100 * time.Millisecond)
	wantCounted(t, all, 0, 0, 2, 0)
	w.passes(20 * time.Second) // it is struck
	all = w.nodes[0].knocks(5)
	wantCounted(t, all, 4, 1, 0, 0)
	w.nodes[1].thaw()
	w.passes(5 * time.Second) // what it had is past the limit, and stays
	wantCounted(t, there, 4, 0, 0, 0)
	if n := shareOf(w, w.nodes[1]); n != 4 {
		t.Errorf("it may have %d", n)
	}
	wantCounted(t, w.nodes[1].knocks(1), 0, 1, 0, 0)
	leave(all...)
	leave(there...)
	w.empty()
}

// While the ledger is away sockets wait for it, for two seconds in all. Then
// they are let in, and count when it is back.
func TestQuota_EngineAway_LetsIn(t *testing.T) {
	w := limited(t, 2, 3)
	there := w.nodes[1].knocks(2)
	w.nodes[0].cut()
	all := w.nodes[0].knocks(3)
	w.passes(1900 * time.Millisecond)
	wantCounted(t, all, 0, 0, 0, 3)
	w.passes(200 * time.Millisecond)
	wantCounted(t, all, 3, 0, 0, 0)
	all = append(all, w.nodes[0].knock())
	wantCounted(t, all, 4, 0, 0, 0)
	w.nodes[0].connect()
	w.settle()
	if n := shareOf(w, w.nodes[0]); n != 4 {
		t.Errorf("a node with 4 sockets may have %d", n)
	}
	if n := w.nodes[0].peer.Health().Unasked; n != 4 {
		t.Errorf("%d are counted that were let in", n)
	}
	wantCounted(t, w.nodes[1].knocks(1), 0, 1, 0, 0)
	leave(all...)
	wantCounted(t, w.nodes[1].knocks(2), 1, 1, 0, 0)
	leave(there...)
}

func TestQuota_LostMemory_SharesAreSaidAgain(t *testing.T) {
	w := limited(t, 2, 5)
	all := append(w.nodes[0].knocks(3), w.nodes[1].knocks(2)...)
	w.wipe()
	w.passes(5 * time.Second)
	if a, b := shareOf(w, w.nodes[0]), shareOf(w, w.nodes[1]); a != 3 || b != 2 {
		t.Errorf("the nodes may have %d and %d", a, b)
	}
	wantCounted(t, w.nodes[1].knocks(1), 0, 1, 0, 0)
	leave(all...)
	w.empty()
}

// A node that drains never says that its places are in use: its clients are on
// their way.
func TestQuota_Drain_TurnsNobodyAwayForGood(t *testing.T) {
	w := limited(t, 2, 2)
	there := w.nodes[1].knocks(2)
	w.nodes[1].peer.Drain()
	moved := w.nodes[0].knocks(1)
	wantCounted(t, moved, 0, 0, 0, 1)
	leave(there[0])
	wantCounted(t, moved, 1, 0, 0, 0)
	leave(there[1])
	leave(moved...)
	w.empty()
}

// The place that a socket gave back while the engine was away is not the node's
// when the engine is back with its data, whatever the node remembers of it.
func TestQuota_APlaceGivenBackMeanwhile_IsAskedForAgain(t *testing.T) {
	w := limited(t, 2, 5)
	first := w.nodes[0].knocks(1)
	other := w.nodes[1].knocks(1)
	w.nodes[0].cut()
	leave(first...)
	second := []*visitor{w.nodes[0].knock()}
	w.engine.run = "again"
	w.nodes[0].connect()
	w.passes(5 * time.Second)
	wantCounted(t, second, 1, 0, 0, 0)
	if n := shareOf(w, w.nodes[0]); n != 1 {
		t.Errorf("the node may have %d sockets and has 1", n)
	}
	leave(other...)
	leave(second...)
	w.empty()
}

// A limit that comes or goes with a reload counts for the sockets that are there.
func TestQuota_AChangedLimit_Counts(t *testing.T) {
	w := newTown(t, 2)
	all := append(w.nodes[0].knocks(2), w.nodes[1].knocks(1)...)
	w.app.Limits.MaxConnections = 4
	more := append(w.nodes[0].knocks(1), w.nodes[1].knocks(1)...)
	w.passes(time.Second)
	wantCounted(t, more, 1, 1, 0, 0)
	w.app.Limits.MaxConnections = 0
	more = append(more, w.nodes[1].knocks(3)...)
	leave(all...)
	leave(more...)
	w.empty()
}
