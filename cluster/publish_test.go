package cluster

import (
	"testing"
	"time"

	"fanfare/channels"
)

func TestPublish_EventOfTheAPI_ReachesAllNodesOnceAndInOneOrder(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.subscribes("news")
	b.subscribes("news")
	a.hears(succeeded("news"))
	b.hears(succeeded("news"))
	first, second := w.nodes[0].publishes("news", "1"), w.nodes[1].publishes("news", "2")
	first.is(t, errPending)
	a.hears()
	w.settle()
	first.is(t, nil)
	second.is(t, nil)
	a.hears(event("news", "1"), event("news", "2"))
	b.hears(event("news", "1"), event("news", "2"))
}

func TestPublish_ClientEvent_IsDeliveredAtOnceAndOnce(t *testing.T) {
	w := newTown(t, 2)
	a, beside, b := w.nodes[0].visit(), w.nodes[0].visit(), w.nodes[1].visit()
	for _, v := range []*visitor{a, beside, b} {
		v.subscribes("private-x")
		v.hears(succeeded("private-x"))
	}
	const sent = `{"event":"client-e","channel":"private-x","data":1}`
	a.pipelines(sent)
	w.nodes[0].loop.turn()
	beside.hears(sent)
	w.settle()
	a.hears()
	beside.hears()
	b.hears(sent)
}

func TestPublish_WhileAway_IsWithdrawnAndNeverDelivered(t *testing.T) {
	w := newTown(t, 2)
	b := w.nodes[1].visit()
	b.subscribes("news")
	w.nodes[0].cut()
	p := w.nodes[0].publishes("news", "1")
	w.passes(1900 * time.Millisecond)
	p.is(t, errPending)
	w.passes(200 * time.Millisecond)
	p.is(t, channels.ErrAway)
	w.nodes[0].connect()
	w.passes(time.Second)
	b.hears(succeeded("news"))
}

func TestPublish_WithoutAnswer_IsInDoubtAndDeliveredOnce(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.subscribes("news")
	b.subscribes("news")
	w.nodes[0].lost = true
	p := w.nodes[0].publishes("news", "1")
	w.settle()
	a.hears(succeeded("news"), event("news", "1"))
	w.passes(6900 * time.Millisecond)
	p.is(t, errPending)
	w.passes(200 * time.Millisecond)
	p.is(t, channels.ErrDoubt)
	w.nodes[0].cut()
	w.nodes[0].lost = false
	w.nodes[0].connect()
	w.passes(time.Second)
	a.hears()
	b.hears(succeeded("news"), event("news", "1"))
}

func TestPublish_AnswerLostAndBack_IsAccepted(t *testing.T) {
	w := newTown(t, 2)
	b := w.nodes[1].visit()
	b.subscribes("news")
	w.nodes[0].lost = true
	p := w.nodes[0].publishes("news", "1")
	w.settle()
	w.nodes[0].cut()
	w.nodes[0].lost = false
	w.nodes[0].connect()
	w.settle()
	p.is(t, nil)
	b.hears(succeeded("news"), event("news", "1"))
}

func TestPublish_ClientEventPastTheBound_IsRefusedToItsSender(t *testing.T) {
	w := newTown(t, 2)
	a, beside, b := w.nodes[0].visit(), w.nodes[0].visit(), w.nodes[1].visit()
	for _, v := range []*visitor{a, beside, b} {
		v.subscribes("private-x")
		v.hears(succeeded("private-x"))
	}
	w.nodes[0].cut()
	w.nodes[0].peer.cfg.QueueBytes = 100
	refused := func(n int) {
		t.Helper()
		a.says(`{"event":"client-e","channel":"private-x","data":%d}`, n)
		a.hears(`{"event":"pusher:error","channel":"private-x","data":{"code":4301,"message":"Client event rejected - ` +
			`the other nodes of the cluster cannot be reached; send it again in a while"}}`)
		beside.hears()
	}
	refused(1) // it is over the bound itself
	refused(2) // and what comes behind it waits for the node to enter
	w.nodes[0].peer.cfg.QueueBytes = 1 << 20
	refused(3)
	w.nodes[0].connect()
	w.settle()
	b.hears()
	a.says(`{"event":"client-e","channel":"private-x","data":4}`)
	const taken = `{"event":"client-e","channel":"private-x","data":4}`
	beside.hears(taken)
	b.hears(taken)
}

func TestPublish_QueueOverItsBound_FailsAndEntersAgain(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.joins("presence-x", "ann")
	b.joins("presence-x", "bob")
	a.hears(members("presence-x", "ann"), added("presence-x", "bob"))
	b.hears(members("presence-x", "ann", "bob"))
	w.nodes[0].cut()
	c := w.nodes[0].visit()
	c.joins("presence-x", "cid") // waits, and is dropped with what waits
	w.nodes[0].peer.cfg.QueueBytes = 1
	p := w.nodes[0].publishes("presence-x", "1")
	p.is(t, channels.ErrAway)
	w.passes(3 * time.Second)
	c.hears(members("presence-x", "ann", "bob", "cid"))
	a.hears(added("presence-x", "cid"))
	if got := w.nodes[0].peer.Health(); got.Overruns != 1 || got.Queued != 0 {
		t.Errorf("health is %+v", got)
	}
	w.nodes[0].peer.cfg.QueueBytes = 1 << 20
	w.nodes[0].connect()
	w.settle()
	b.hears(added("presence-x", "cid"))
	a.hears()
	c.leaves()
	b.hears(removed("presence-x", "cid"))
	a.hears(removed("presence-x", "cid"))
}
