package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

func TestFeeds_CutShorterThanTheLog_LosesAndDoublesNothing(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.joins("presence-x", "ann")
	b.joins("presence-x", "bob")
	a.hears(members("presence-x", "ann"), added("presence-x", "bob"))
	b.hears(members("presence-x", "ann", "bob"))
	w.nodes[0].publishes("presence-x", "1")
	w.nodes[0].cut() // with the answer and the entry under way
	a.says(`{"event":"client-e","channel":"presence-x","data":1}`)
	p := w.nodes[1].publishes("presence-x", "2")
	c := w.nodes[1].visit()
	c.joins("presence-x", "cid")
	b.leaves()
	w.passes(8 * time.Second)
	a.hears()
	p.is(t, nil)
	w.nodes[0].connect()
	w.settle()
	a.hears(event("presence-x", "2"), added("presence-x", "cid"), removed("presence-x", "bob"), event("presence-x", "1"))
	c.hears(members("presence-x", "ann", "bob", "cid"), removed("presence-x", "bob"), event("presence-x", "1"),
		`{"event":"client-e","channel":"presence-x","data":1,"user_id":"ann"}`)
}

func TestFeeds_CutLongerThanTheLog_HearsTheDifferenceAndIsClosed(t *testing.T) {
	for _, policy := range []Gap{GapClose, GapKeep} {
		w := newTown(t, 3)
		w.nodes[0].peer.cfg.OnGap = policy
		a, quiet, b := w.nodes[0].visit(), w.nodes[0].visit(), w.nodes[1].visit()
		witness := w.nodes[1].visit()
		witness.subscribes("quiet")
		a.joins("presence-x", "ann")
		b.joins("presence-x", "bob")
		quiet.subscribes("quiet")
		a.hears(members("presence-x", "ann"), added("presence-x", "bob"))
		quiet.hears(succeeded("quiet"))
		w.nodes[0].cut()
		c := w.nodes[1].visit()
		c.joins("presence-x", "cid")
		w.nodes[1].publishes("presence-x", "1")
		b.leaves()
		w.passes(40 * time.Second)
		c.hears(members("presence-x", "ann", "bob", "cid"), event("presence-x", "1"), removed("presence-x", "bob"), removed("presence-x", "ann"))
		w.nodes[0].connect()
		w.settle()
		if policy == GapClose {
			if a.closed != 4200 {
				t.Errorf("closed with %d", a.closed)
			}
			continue
		}
		a.hears(removed("presence-x", "bob"), added("presence-x", "cid"))
		c.hears(added("presence-x", "ann"))
		if gaps := w.nodes[0].peer.Health().Gaps; gaps == 0 {
			t.Error("no gap is counted")
		}
	}
}

// Who is closed asks for what came behind the last event that was heard: that
// must not be one from behind the gap.
func TestFeeds_EventBehindAGap_IsNotHeardBeforeTheClose(t *testing.T) {
	w := newTown(t, 2)
	a := w.nodes[0].visit()
	a.subscribes("news")
	w.nodes[1].publishes("news", "0")
	w.settle()
	w.nodes[0].cut()
	w.nodes[1].publishes("news", "1") // is missed
	w.passes(40 * time.Second)
	w.nodes[0].connect()
	w.nodes[1].publishes("news", "2") // comes while the log is read
	w.settle()
	a.hears(succeeded("news"), event("news", "0"), `{"event":"pusher:error","data":{"code":4200,"message":"Events may have been missed, reconnect"}}`)
}

func TestFeeds_LedgerForgotTheSubject_SocketsAreClosed(t *testing.T) {
	for _, before := range []bool{false, true} { // an event that was heard
		w := newTown(t, 2)
		w.passes(3 * time.Second)
		a := w.nodes[0].visit()
		a.subscribes("news")
		if before {
			w.nodes[1].publishes("news", "0")
			w.settle()
		}
		w.nodes[0].cut()
		w.nodes[1].publishes("news", "1") // is missed
		w.settle()
		w.nodes[0].connect()
		w.nodes[0].frozen = true // with the answer to its Link under way
		w.settle()
		w.nodes[1].publishes("news", "2")
		w.passes(40 * time.Second)
		w.nodes[0].thaw()
		w.settle()
		if a.closed != 4200 {
			t.Errorf("before=%v: closed with %d", before, a.closed)
		}
	}
}

func TestFeeds_EngineGoneForEverybody_NobodyIsToldAsGone(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.joins("presence-x", "ann")
	b.joins("presence-x", "bob")
	a.hears(members("presence-x", "ann"), added("presence-x", "bob"))
	b.hears(members("presence-x", "ann", "bob"))
	for _, h := range w.nodes {
		h.cut()
	}
	w.passes(time.Minute)
	for _, h := range w.nodes {
		h.connect()
	}
	w.passes(30 * time.Second)
	a.hears()
	b.hears()
	if a.closed != 0 || b.closed != 0 {
		t.Errorf("closed with %d and %d", a.closed, b.closed)
	}
}

func TestFeeds_EngineEmpty_NobodyIsToldAsGoneOrTwice(t *testing.T) {
	w := newTown(t, 3)
	a, b, c := w.nodes[0].visit(), w.nodes[1].visit(), w.nodes[2].visit()
	a.joins("presence-x", "ann")
	b.joins("presence-x", "bob")
	c.joins("presence-x", "cid")
	for _, v := range []*visitor{a, b, c} {
		v.got = nil
	}
	for _, h := range w.nodes {
		h.cut()
	}
	w.wipe()
	c.leaves()
	w.nodes[0].connect()
	w.passes(3 * time.Second)
	d := w.nodes[0].visit()
	d.joins("presence-x", "dot")
	w.nodes[1].connect()
	w.passes(3 * time.Second)
	w.nodes[2].connect()
	w.passes(30 * time.Second)
	a.hears(added("presence-x", "dot"), removed("presence-x", "cid"))
	b.hears(added("presence-x", "dot"), removed("presence-x", "cid"))
	d.hears(members("presence-x", "ann", "bob", "cid", "dot"), removed("presence-x", "cid"))
	w.nodes[1].publishes("presence-x", "1")
	w.settle()
	a.hears(event("presence-x", "1"))
	b.hears(event("presence-x", "1"))
}

// The node says an event behind the one that it resends, and what it holds last:
// the empty ledger has both events on a channel of which it knows nothing.
func TestFeeds_EngineEmpty_EventsBeforeAnythingIsHeld_AreNoGap(t *testing.T) {
	w := newTown(t, 2)
	a := w.nodes[0].visit()
	a.joins("presence-x", "ann")
	w.nodes[0].lost = true
	for _, data := range []string{"1", "2"} {
		w.nodes[0].publishes("presence-x", data)
		w.settle()
	}
	w.nodes[0].lost = false
	w.nodes[0].cut()
	w.wipe()
	w.nodes[0].connect()
	w.settle()
	a.hears(members("presence-x", "ann"), event("presence-x", "1"), event("presence-x", "2"))
	if gaps := w.nodes[0].peer.Health().Gaps; gaps > 0 {
		t.Errorf("%d gaps, closed with %d", gaps, a.closed)
	}
}

// A node that comes back last hears what was accepted before it came.
func TestFeeds_EngineEmpty_WhatOthersPublishedMeanwhileIsNotLost(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.joins("presence-x", "ann")
	b.joins("presence-x", "bob")
	a.got, b.got = nil, nil
	for _, h := range w.nodes {
		h.cut()
	}
	w.wipe()
	w.nodes[0].connect()
	w.settle()
	p := w.nodes[0].publishes("presence-x", "1")
	c := w.nodes[0].visit()
	c.joins("presence-x", "cid")
	q := w.nodes[0].publishes("presence-x", "2")
	w.settle()
	p.is(t, nil)
	q.is(t, nil)
	want := []string{event("presence-x", "1"), added("presence-x", "cid"), event("presence-x", "2")}
	a.hears(want...)
	w.nodes[1].connect()
	w.passes(3 * time.Second)
	b.hears(added("presence-x", "cid"), event("presence-x", "1"), event("presence-x", "2"))
	w.passes(30 * time.Second)
	a.hears()
	b.hears()
	if h := w.nodes[1].peer.Health(); h.Gaps != 0 {
		t.Errorf("%d gaps", h.Gaps)
	}
}

// It says so if it comes too late even for that.
func TestFeeds_EngineEmpty_ANodeThatComesTooLateHasAGap(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.joins("presence-x", "ann")
	b.joins("presence-x", "bob")
	for _, h := range w.nodes {
		h.cut()
	}
	w.wipe()
	w.nodes[0].connect()
	w.settle()
	w.nodes[0].publishes("presence-x", "1")
	w.passes(30 * time.Second)
	w.nodes[1].connect()
	w.settle()
	if h := w.nodes[1].peer.Health(); h.Gaps != 1 || b.closed != pusherproto.CodeReconnect || a.closed != 0 {
		t.Errorf("%d gaps, closed with %d and %d", h.Gaps, b.closed, a.closed)
	}
}

func TestFeeds_NewMemory_EventsItTookBeforeTheNodeCameAreHeard(t *testing.T) {
	w := newTown(t, 2)
	a := w.nodes[0].visit()
	a.subscribes("news")
	a.hears(succeeded("news"))
	for _, h := range w.nodes {
		h.cut()
	}
	w.wipe()
	w.nodes[1].connect()
	w.settle()
	p := w.nodes[1].publishes("news", "1")
	w.passes(time.Second)
	p.is(t, nil)
	a.hears()
	w.nodes[0].connect()
	w.passes(time.Second)
	a.hears(event("news", "1"))
}

func TestFeeds_EngineForgetsOnALiveConnection_IsNoticed(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.joins("presence-x", "ann")
	b.joins("presence-x", "bob")
	a.got, b.got = nil, nil
	w.wipe()
	w.passes(5 * time.Second)
	c := w.nodes[1].visit()
	c.joins("presence-x", "cid")
	c.hears(members("presence-x", "ann", "bob", "cid"))
	a.hears(added("presence-x", "cid"))
	b.hears(added("presence-x", "cid"))
	info, err := infoOf(w, w.nodes[0], "presence-x")
	if err != nil || info.Sockets != 3 || info.Users != 3 {
		t.Errorf("the channel is %+v, %v", info, err)
	}
}

// infoOf asks the ledger of the channel, as a node does that does not watch it.
func infoOf(w *town, h *house, channel string) (info channels.ChannelInfo, err error) {
	name := ledger.Subject{Kind: ledger.Channel, App: "1", Name: channel}
	h.peer.ask(h.peer.partitionOf(name), ledger.Describe{Subject: name}, func(a *ledger.Answer) { info = h.peer.info(a.Channels[0]) })
	w.settle()
	return info, err
}

func TestFeeds_LostPush_HasTheStateAskedForAgain(t *testing.T) {
	w := newTown(t, 2)
	a := w.nodes[0].visit()
	a.joins("presence-x", "ann")
	a.got = nil
	s := ledger.Subject{Kind: ledger.Channel, App: "1", Name: "presence-x"}
	delete(w.nodes[0].watching, s)
	b := w.nodes[1].visit()
	b.joins("presence-x", "bob")
	w.nodes[0].watching[s] = true
	a.hears()
	c := w.nodes[1].visit()
	c.joins("presence-x", "cid")
	a.hears(added("presence-x", "bob"), added("presence-x", "cid"))
	if got := w.nodes[0].peer.Health().Repairs; got != 1 {
		t.Errorf("%d repairs", got)
	}
}

func TestCounts_OfTwoNodes_AreTheSum(t *testing.T) {
	w := newTown(t, 2, func(a *apps.App) { a.SubscriptionCount = true })
	count := func(n string) string {
		return `{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":` + n + `}"}`
	}
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.subscribes("news")
	a.hears(succeeded("news"), count("1"))
	b.subscribes("news")
	a.hears(count("2"))
	b.hears(succeeded("news"), count("2"))
	c := w.nodes[1].visit()
	c.subscribes("news")
	a.hears(count("3"))
	c.hears(succeeded("news"), count("3"))
	c.leaves()
	b.leaves()
	a.hears(count("2"), count("1"))
	a.leaves()
	w.empty()
}

// A crowd comes to as many channels. What the node says does not wait until it has
// the states of all, whether the connection holds or breaks meanwhile.
func TestAsk_ForFewStatesAtOnce_AllAreAnswered(t *testing.T) {
	for _, breaks := range []bool{false, true} {
		w := newTown(t, 1)
		near := w.nodes[0]
		q := &near.peer.partitions[0]
		v := near.visit()
		var want []string
		for n := 0; len(want) < 3*mostAsked; n++ {
			channel := fmt.Sprintf("c%d", n)
			if PartitionOf(ledger.Subject{Kind: ledger.Channel, App: w.app.ID, Name: channel}) == q.number {
				want = append(want, succeeded(channel))
				v.pipelines("%s", v.subscription(channel, ""))
			}
		}
		asking := 0
		for _, c := range q.calls {
			if _, ok := c.request.(ledger.GetState); ok {
				asking++
			}
		}
		if watched := len(near.watching); asking != mostAsked || len(q.asks) != 2*mostAsked || watched > mostAsked {
			t.Errorf("%d states are asked for, %d later; %d feeds have begun", asking, len(q.asks), watched)
		}
		if breaks {
			near.cut()
			near.connect()
		}
		w.settle()
		slices.Sort(want)
		slices.Sort(v.got)
		v.hears(want...)
		if q.asking != 0 || len(q.asks) != 0 || len(near.watching) != len(want) {
			t.Errorf("in the end %d are asked for, %d later; there are %d feeds", q.asking, len(q.asks), len(near.watching))
		}
	}
}
