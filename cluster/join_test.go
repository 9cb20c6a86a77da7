package cluster

import (
	"testing"
	"time"

	"fanfare/apps"
)

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

// Who is answered by a state joins behind the events in it.
func TestJoin_AnsweredByAState_IsBehindTheEventsInIt(t *testing.T) {
	w := newTown(t, 2)
	b := w.nodes[1].visit()
	b.joins("presence-x", "bob")
	a := w.nodes[0].visit()
	w.nodes[0].frozen = true // what it is sent does not arrive
	a.pipelines("%s", a.subscription("presence-x", `{"user_id":"ann"}`))
	w.settle()
	w.nodes[1].publishes("presence-x", "1")
	w.settle()
	b.leaves()
	a.hears()
	w.nodes[0].cut()
	w.nodes[0].frozen = false
	w.nodes[0].connect()
	w.settle()
	a.hears(members("presence-x", "ann"))
}

// One leaves and another joins, and the number stays what it was: who joins is
// told all the same.
func TestJoin_ThatChangesNoCount_IsToldTheCount(t *testing.T) {
	w := newTown(t, 2, func(a *apps.App) { a.SubscriptionCount = true })
	a, b, c := w.nodes[0].visit(), w.nodes[0].visit(), w.nodes[0].visit()
	a.subscribes("news")
	b.subscribes("news")
	w.passes(10 * time.Second)
	a.got, b.got = nil, nil
	w.nodes[0].publishes("news", "1") // what follows waits behind it
	b.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	c.pipelines("%s", c.subscription("news", ""))
	w.settle()
	const two = `{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":2}"}`
	c.hears(succeeded("news"), two, event("news", "1"))
}

// A node that is away for long lets a user in and out again who is on another node
// all the while. Sockets hear that the user came, and not that the user left.
func TestJoin_InALongDark_WhoIsElsewhereIsNotToldAsGone(t *testing.T) {
	for _, replica := range []bool{true, false} { // the node has one
		w := newTown(t, 2)
		near, far := w.nodes[0], w.nodes[1]
		a := near.visit()
		if replica {
			a.joins("presence-x", "ann")
		}
		near.cut()
		far.visit().joins("presence-x", "bob")
		if !replica {
			a.joins("presence-x", "ann")
		}
		b := near.visit()
		b.joins("presence-x", "bob")
		w.passes(3 * time.Second)
		a.hears(members("presence-x", "ann"), added("presence-x", "bob"))
		b.hears(members("presence-x", "ann", "bob"))
		b.leaves()
		w.passes(20 * time.Second) // what waits is dropped
		near.connect()
		w.settle()
		a.hears()
		far.visit().joins("presence-x", "eve")
		a.hears(added("presence-x", "eve"))
	}
}
