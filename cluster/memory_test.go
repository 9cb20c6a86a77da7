package cluster

import (
	"testing"

	"fanfare/cluster/ledger"
)

func TestBreak_BehindTheLogOfANewMemory_NothingOfItIsMissedUntold(t *testing.T) {
	for _, reaches := range []bool{true, false} { // the log, back to where the node was
		w := newTown(t, 2)
		near, far := w.nodes[0], w.nodes[1]
		far.visit().subscribes("news")
		a := near.visit()
		a.subscribes("news")
		a.hears(succeeded("news"))
		near.cut()
		far.cut()
		w.wipe()
		far.connect()
		w.settle()
		far.publishes("news", "1")
		w.settle()
		near.breaksBehindTheLog("news")
		if !reaches {
			w.ledgerOf("news").LogBytes = 100
		}
		far.publishes("news", "2")
		far.publishes("news", "3")
		w.settle()
		near.connect()
		w.settle()
		if reaches {
			a.hears(event("news", "1"), event("news", "2"), event("news", "3"))
		} else if a.closed != 4200 {
			t.Errorf("closed with %d after events were missed", a.closed)
		}
	}
}

// The server runs anew with its data. What it had accepted and a node had not heard
// is in its log, as after any break, and members who came and went meanwhile are
// told of in order.
func TestBreak_ServerRunsAnewWithItsData_NothingIsMissed(t *testing.T) {
	w := newTown(t, 2)
	near, far := w.nodes[0], w.nodes[1]
	a, b := near.visit(), far.visit()
	a.joins("presence-room", "ann")
	b.joins("presence-room", "bob")
	a.got = nil
	near.cut()
	c := far.visit()
	c.joins("presence-room", "eve")
	far.publishes("presence-room", "1")
	w.settle()
	c.leaves()
	far.cut()
	w.engine.run += "x"
	far.connect()
	far.publishes("presence-room", "2")
	w.settle()
	near.connect()
	w.settle()
	a.hears(added("presence-room", "eve"), event("presence-room", "1"), removed("presence-room", "eve"), event("presence-room", "2"))
}

// As above, and the log does not reach back to the break.
func TestBreak_ServerRunsAnewAndItsLogIsTooShort_WhatWasMissedIsTold(t *testing.T) {
	w := newTown(t, 2)
	near, far := w.nodes[0], w.nodes[1]
	far.visit().subscribes("news")
	a := near.visit()
	a.subscribes("news")
	w.settle()
	near.cut()
	far.publishes("news", "1")
	w.settle()
	far.cut()
	w.engine.run += "x"
	w.ledgerOf("news").LogBytes = 100
	far.connect()
	w.settle()
	near.connect()
	w.settle()
	a.hears(succeeded("news"), `{"event":"pusher:error","data":{"code":4200,"message":"Events may have been missed, reconnect"}}`)
}

// A server goes back to a dump and then runs anew, before or after a node could
// read the log of the memory in between: what was accepted in that is not missed.
func TestBreak_TwoMemoriesOneAfterTheOther_NothingOfTheFirstIsMissed(t *testing.T) {
	for _, linked := range []bool{true, false} { // to the first, but not further
		w := newTown(t, 2)
		near, far := w.nodes[0], w.nodes[1]
		far.visit().subscribes("news")
		a := near.visit()
		a.subscribes("news")
		w.settle()
		number := PartitionOf(ledger.Subject{Kind: ledger.Channel, App: w.app.ID, Name: "news"})
		dump := w.ledgerOf("news").Clone()
		far.publishes("news", "0") // is heard, and lost
		w.settle()
		near.cut()
		far.cut()
		w.engine.ledgers[number], w.engine.run = dump, w.engine.run+"x"
		far.connect()
		w.settle()
		far.publishes("news", "1")
		w.settle()
		if linked {
			birth := near.peer.partitions[number].feeds.birth
			near.connect()
			w.until(func() bool { return near.peer.partitions[number].feeds.birth != birth })
			near.cut()
		}
		far.cut()
		w.engine.run += "x"
		far.connect()
		far.publishes("news", "2")
		w.settle()
		near.connect()
		w.settle()
		a.hears(succeeded("news"), event("news", "0"), event("news", "1"), event("news", "2"))
	}
}

// A server is wiped, and later goes back to a dump from before: a node that knows
// nothing of that memory hears what is accepted from then on, and nothing of then.
func TestBreak_DumpOfBeforeAWipe_ItsEventsAreNotHeard(t *testing.T) {
	w := newTown(t, 3)
	near, far, third := w.nodes[0], w.nodes[1], w.nodes[2]
	far.visit().subscribes("news")
	third.publishes("news", "0")
	w.settle()
	dump := w.ledgerOf("news").Clone()
	for _, h := range w.nodes {
		h.cut()
	}
	w.wipe()
	far.connect()
	near.connect()
	w.settle()
	a := near.visit()
	a.subscribes("news")
	near.cut()
	far.cut()
	w.engine.ledgers[PartitionOf(ledger.Subject{Kind: ledger.Channel, App: w.app.ID, Name: "news"})], w.engine.run = dump, w.engine.run+"x"
	far.connect()
	w.settle()
	far.publishes("news", "1")
	w.settle()
	near.connect()
	w.settle()
	a.hears(succeeded("news"), event("news", "1"))
}
