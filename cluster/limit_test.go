package cluster

import (
	"strings"
	"testing"
	"time"

	"fanfare/apps"
)

func TestLimit_OverTwoNodes_IsExact(t *testing.T) {
	w := newTown(t, 2, func(a *apps.App) { a.Limits.MaxPresenceMembers = 2 })
	a, b, c := w.nodes[0].visit(), w.nodes[1].visit(), w.nodes[0].visit()
	a.pipelines("%s", a.subscription("presence-x", `{"user_id":"ann"}`))
	b.pipelines("%s", b.subscription("presence-x", `{"user_id":"bob"}`))
	c.pipelines("%s", c.subscription("presence-x", `{"user_id":"cid"}`))
	w.settle()
	refused := 0
	for _, v := range []*visitor{a, b, c} {
		if strings.Contains(strings.Join(v.got, ""), "the limit of members is 2") {
			refused++
		}
	}
	if refused != 1 {
		t.Fatalf("%d of 3 are refused", refused)
	}
	if info, _ := infoOf(w, w.nodes[0], "presence-x"); info.Users != 2 || info.Sockets != 2 {
		t.Errorf("the channel is %+v", info)
	}
	for _, v := range []*visitor{a, b, c} {
		v.leaves()
	}
	w.empty()
}

func TestLimit_AnsweredWithoutTheLedger_StaysOverTheLimit(t *testing.T) {
	for _, written := range []bool{false, true} {
		w := newTown(t, 2, func(a *apps.App) { a.Limits.MaxPresenceMembers = 1 })
		b := w.nodes[1].visit()
		a := w.nodes[0].visit()
		if !written {
			w.nodes[0].cut()
		}
		a.pipelines("%s", a.subscription("presence-x", `{"user_id":"ann"}`))
		if written { // and never arrives
			w.nodes[0].link++
		}
		b.joins("presence-x", "bob")
		w.passes(2100 * time.Millisecond)
		a.hears(members("presence-x", "ann"))
		if written {
			w.nodes[0].cut()
		}
		w.nodes[0].connect()
		w.settle()
		a.hears(added("presence-x", "bob"))
		b.hears(members("presence-x", "bob"), added("presence-x", "ann"))
		if n := w.nodes[0].peer.Health().Overfull; (n == 1) != written {
			t.Errorf("%d members are counted over the limit", n)
		}
		a.leaves()
		b.hears(removed("presence-x", "ann"))
		b.leaves()
		w.empty()
	}
}

func TestJoin_ComesAndGoesWhileAway_IsHeardInOrder(t *testing.T) {
	w := newTown(t, 2)
	b := w.nodes[1].visit()
	b.joins("presence-x", "bob")
	b.got = nil
	w.nodes[0].cut()
	a, beside := w.nodes[0].visit(), w.nodes[0].visit()
	a.joins("presence-x", "ann")
	beside.joins("presence-x", "bea")
	w.passes(2100 * time.Millisecond)
	a.says(`{"event":"client-e","channel":"presence-x","data":1}`)
	a.leaves()
	w.nodes[0].connect()
	w.settle()
	const said = `{"event":"client-e","channel":"presence-x","data":1,"user_id":"ann"}`
	b.hears(added("presence-x", "ann"), added("presence-x", "bea"), said, removed("presence-x", "ann"))
	beside.hears(members("presence-x", "ann", "bea"), said, added("presence-x", "bob"), removed("presence-x", "ann"))
}

func TestLeave_DroppedBehindAJoinThatWasWritten_IsSaid(t *testing.T) {
	w := newTown(t, 2)
	b := w.nodes[1].visit()
	b.joins("presence-x", "bob")
	b.got = nil
	a := w.nodes[0].visit()
	a.pipelines("%s", a.subscription("presence-x", `{"user_id":"ann"}`))
	w.nodes[0].link++ // what was written does not arrive
	w.passes(2100 * time.Millisecond)
	a.hears(members("presence-x", "ann"))
	w.nodes[0].cut()
	a.leaves()
	w.nodes[0].peer.cfg.QueueBytes = 1
	w.nodes[0].publishes("presence-x", "1")
	w.nodes[0].connect()
	w.settle()
	b.hears(added("presence-x", "ann"), removed("presence-x", "ann"))
	b.leaves()
	w.empty()
}
