package cluster

import (
	"slices"
	"testing"
	"time"

	"fanfare/cluster/ledger"
)

// until lets one thing after the other come, until something is so.
func (w *town) until(so func() bool) {
	w.t.Helper()
	for !so() {
		if len(w.steps) == 0 {
			w.t.Fatal("it does not come to that")
		}
		next := w.steps[0]
		w.steps = w.steps[1:]
		next()
	}
}

// asksFor reports whether the node has asked for the state of a channel since sent
// was emptied.
func (h *house) asksFor(channel string) bool {
	return slices.ContainsFunc(h.sent, func(r ledger.Request) bool {
		get, is := r.(ledger.GetState)
		return is && get.Subject.Name == channel
	})
}

// breaksBehindTheLog has a node come back that loses the connection again when it
// has read the log, and has yet to be told the state of a channel.
func (h *house) breaksBehindTheLog(channel string) {
	h.town.t.Helper()
	h.sent = nil
	h.connect()
	h.town.until(func() bool { return h.asksFor(channel) })
	h.cut()
}

func TestBreak_BehindTheLog_WhoWasAnsweredWithoutTheLedgerMissesNothing(t *testing.T) {
	for _, reaches := range []bool{true, false} { // the log, back to where the node was
		w := newTown(t, 2)
		near, far := w.nodes[0], w.nodes[1]
		far.visit().subscribes("news")
		near.cut()
		a := near.visit()
		a.subscribes("news")
		w.passes(3 * time.Second)
		a.hears(succeeded("news"))
		far.publishes("news", "1")
		w.settle()
		near.breaksBehindTheLog("news")
		if !reaches {
			w.ledgerOf("news").LogBytes = 100
			far.publishes("news", "2")
			far.publishes("news", "3")
			w.settle()
		}
		near.connect()
		w.settle()
		if reaches {
			a.hears(event("news", "1"))
		} else if a.closed != 4200 {
			t.Errorf("closed with %d after events were missed", a.closed)
		}
	}
}

func (w *town) ledgerOf(channel string) *ledger.Ledger {
	return w.engine.ledgers[PartitionOf(ledger.Subject{Kind: ledger.Channel, App: w.app.ID, Name: channel})]
}

// A node lets sockets in before it has reached the engine for the first time.
func TestBreak_BeforeTheFirstLink_WhatWasMissedIsTold(t *testing.T) {
	w := newTown(t, 1)
	far := w.nodes[0]
	for _, channel := range []string{"news", "quiet"} {
		far.visit().subscribes(channel)
	}
	near := w.build(2)
	a, b := near.visit(), near.visit()
	a.subscribes("news")
	b.subscribes("quiet")
	w.passes(3 * time.Second)
	a.hears(succeeded("news"))
	far.publishes("news", "1")
	w.settle()
	near.connect()
	w.settle()
	if a.closed != 4200 || b.closed != 0 {
		t.Errorf("who missed an event is closed with %d, who did not with %d", a.closed, b.closed)
	}
}

// The answer to the last op of an entering is lost, and the server goes back to a
// moment behind it. What the node says then is known, not new.
func TestBreak_EnteredBeforeALossOfMemory_SaysAllAsKnown(t *testing.T) {
	w := newTown(t, 2)
	near, far := w.nodes[0], w.nodes[1]
	near.visit().subscribes("news")
	far.visit().subscribes("news")
	name := ledger.Subject{Kind: ledger.Channel, App: w.app.ID, Name: "news"}
	q := near.peer.partitionOf(name)
	near.cut()
	far.cut()
	w.wipe()
	far.connect()
	w.settle()
	near.connect()
	w.until(func() bool {
		return q.link.done > 0 && q.link.state == linkDone && len(q.stream.kept) == 1 && q.stream.kept[0].op.Kind == ledger.OpDone
	})
	near.lost = true
	w.settle()
	dump := w.ledgerOf("news").Clone()
	far.publishes("news", "1") // is pushed, and lost
	w.settle()
	near.cut()
	far.cut()
	w.engine.ledgers[q.number], w.engine.run = dump, w.engine.run+"x"
	near.lost, near.sent = false, nil
	near.connect()
	w.settle()
	said := 0
	for _, r := range near.sent {
		do, is := r.(ledger.Do)
		if !is {
			continue
		}
		for _, op := range do.Ops {
			if op.Kind == ledger.OpHold && op.Subject == name {
				if said++; !op.Known {
					t.Error("what the lost memory had acknowledged is said as new")
				}
			}
		}
	}
	if said == 0 {
		t.Error("the node does not say what it holds")
	}
}

func TestHeldBack_IsBounded(t *testing.T) {
	w := newTown(t, 1)
	f := &w.nodes[0].peer.partitions[0].feeds
	f.holding = true
	for i := range 40 {
		e := &ledger.Entry{Seq: uint64(1000 + i), Birth: f.birth, Kind: ledger.EntryEvent, Op: ledger.Op{Kind: ledger.OpEvent, Payload: make([]byte, 1<<20)}}
		w.nodes[0].peer.Push(0, e)
	}
	held := 0
	for _, e := range f.held {
		held += e.Op.Size()
	}
	if held > heldMost || held == 0 || !f.broken {
		t.Errorf("%d bytes are held back, and that some are to be read from the log is %t", held, f.broken)
	}
}

// A batch is applied in one step, and everybody waits for it.
func TestBatch_IsBounded(t *testing.T) {
	w := newTown(t, 2)
	near := w.nodes[0]
	w.nodes[1].visit().subscribes("news")
	a := w.nodes[1].visit()
	a.subscribes("news")
	a.hears(succeeded("news"))
	near.sent = nil
	var want []string
	for i := range 250 {
		data := string(rune('a'+i%26)) + string(rune('a'+i/26))
		near.publishes("news", data)
		want = append(want, event("news", data))
	}
	w.settle()
	a.hears(want...)
	batches := 0
	for _, r := range near.sent {
		if do, is := r.(ledger.Do); is && len(do.Ops) > 0 {
			batches++
			if len(do.Ops) > batchMost {
				t.Errorf("%d ops in one batch", len(do.Ops))
			}
		}
	}
	if batches != 4 { // the first goes alone
		t.Errorf("250 ops went in %d batches", batches)
	}
}
