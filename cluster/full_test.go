package cluster

import (
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/channels"
)

func TestFull_EventsFailAndNobodyHearsThem(t *testing.T) {
	w := newTown(t, 2)
	a := w.nodes[1].visit()
	a.subscribes("news")
	a.got = nil
	w.engine.full = true
	p := w.nodes[0].publishes("news", "1")
	w.settle()
	p.is(t, channels.ErrFull)
	w.engine.full = false
	p = w.nodes[0].publishes("news", "2")
	w.settle()
	p.is(t, nil)
	a.hears(event("news", "2"))
}

func TestFull_TheAnswerIsLost_EventsFailAllTheSame(t *testing.T) {
	w := newTown(t, 2)
	a := w.nodes[1].visit()
	a.subscribes("news")
	a.got = nil
	w.engine.full = true
	w.nodes[0].lost = true
	p := w.nodes[0].publishes("news", "1")
	w.settle()
	w.nodes[0].cut()
	w.nodes[0].lost = false
	w.nodes[0].connect()
	w.settle()
	p.is(t, channels.ErrFull)
	a.hears()
}

// The memory before delivered the event; its answer was lost with it.
func TestFull_NewMemoryRefusesWhatTheOneBeforeMayHaveTaken_IsInDoubt(t *testing.T) {
	w := newTown(t, 2)
	a := w.nodes[1].visit()
	a.subscribes("news")
	a.got = nil
	w.nodes[0].lost = true
	p := w.nodes[0].publishes("news", "1")
	w.settle()
	p.is(t, errPending)
	a.hears(event("news", "1"))
	w.wipe()
	w.engine.full = true
	w.nodes[0].cut()
	w.nodes[0].lost = false
	w.nodes[0].connect()
	w.settle()
	p.is(t, channels.ErrDoubt)
	p = w.nodes[0].publishes("news", "2")
	w.settle()
	p.is(t, channels.ErrFull)
}

func TestFull_JoinsAreRefusedAndLeavesTaken(t *testing.T) {
	for _, limit := range []int{0, 3} {
		w := newTown(t, 2, func(a *apps.App) { a.Limits.MaxPresenceMembers = limit })
		a, b := w.nodes[0].visit(), w.nodes[1].visit()
		a.joins("presence-x", "ann")
		b.joins("presence-x", "bob")
		a.got, b.got = nil, nil
		w.engine.full = true
		c := w.nodes[0].visit()
		c.joins("presence-x", "cid")
		if heard := strings.Join(c.got, ""); !strings.Contains(heard, "The cluster is out of memory") || !strings.Contains(heard, "4100") {
			t.Errorf("with the limit %d the answer is %s", limit, heard)
		}
		b.leaves()
		a.hears(removed("presence-x", "bob"))
		w.engine.full = false
		c.got = nil
		c.joins("presence-x", "cid")
		c.hears(members("presence-x", "ann", "cid"))
		a.leaves()
		c.leaves()
		w.empty()
	}
}

// Who was let in without the ledger is a member, however little room it has.
func TestFull_WhoWasAnsweredAlready_IsTaken(t *testing.T) {
	w := newTown(t, 2)
	b := w.nodes[1].visit()
	b.joins("presence-x", "bob")
	b.got = nil
	w.nodes[0].cut()
	a := w.nodes[0].visit()
	a.joins("presence-x", "ann")
	w.passes(w.nodes[0].peer.cfg.JoinPatience + turnEvery)
	a.hears(members("presence-x", "ann"))
	w.engine.full = true
	w.nodes[0].connect()
	w.settle()
	b.hears(added("presence-x", "ann"))
}
