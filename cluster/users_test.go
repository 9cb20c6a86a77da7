package cluster

import (
	"context"
	"strings"
	"testing"
	"time"
)

func online(user string) string {
	return `{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"` + user + `\"]}]}"}`
}

func offline(user string) string { return strings.Replace(online(user), "online", "offline", 1) }

// signedIn takes the answer to a sign-in.
func (v *visitor) signedIn() {
	v.h.town.t.Helper()
	if len(v.got) == 0 || !strings.Contains(v.got[0], "pusher:signin_success") {
		v.h.town.t.Fatalf("heard %q, want the answer to a sign-in", v.got)
	}
	v.got = v.got[1:]
}

func TestUsers_WatchedOnAnotherNode_ComeAndGoAfterTheGrace(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.signsIn(`{"id":"ann","watchlist":["bob","cid"]}`)
	a.signedIn()
	got := a.got
	a.got = nil
	if len(got) != 1 || !strings.Contains(got[0], `\"offline\",\"user_ids\":[\"bob\",\"cid\"]`) {
		t.Fatalf("heard %q", got)
	}
	b.signsIn(`{"id":"bob","watchlist":["ann"]}`)
	b.signedIn()
	b.hears(online("ann"))
	a.hears(online("bob"))
	again := w.nodes[0].visit()
	b.leaves()
	again.signsIn(`{"id":"bob"}`)
	w.passes(5 * time.Second)
	a.hears()
	again.leaves()
	w.passes(2900 * time.Millisecond)
	a.hears()
	w.passes(200 * time.Millisecond)
	a.hears(offline("bob"))
	a.leaves()
	w.empty()
}

// A grace that is another from some time on, as after a reload, counts for who
// leaves then.
func TestUsers_AnotherGrace_CountsForWhoLeavesThen(t *testing.T) {
	w := newTown(t, 2)
	a, b, c := w.nodes[0].visit(), w.nodes[1].visit(), w.nodes[1].visit()
	a.signsIn(`{"id":"ann","watchlist":["bob","cid"]}`)
	b.signsIn(`{"id":"bob"}`)
	c.signsIn(`{"id":"cid"}`)
	a.got = nil
	w.nodes[0].hub.SetOfflineGrace(time.Minute)
	b.leaves()
	w.passes(59 * time.Second)
	a.hears()
	w.passes(2 * time.Second)
	a.hears(offline("bob"))
	w.nodes[0].hub.SetOfflineGrace(-1)
	c.leaves()
	a.hears(offline("cid"))
	a.leaves()
	w.empty()
}

func TestUsers_SecondWatchlist_TakesTheFirstBack(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.signsIn(`{"id":"ann","watchlist":["bob"]}`)
	a.signsIn(`{"id":"ann","watchlist":["cid"]}`)
	a.got = nil
	w.passes(20 * time.Second)
	b.signsIn(`{"id":"bob"}`)
	a.hears()
	if w.nodes[0].watching[userSubject(&w.app, "bob")] {
		t.Error("a user is watched for nobody")
	}
	b.leaves()
	a.leaves()
	w.empty()
}

func TestUsers_EventForAUser_ReachesAllNodes(t *testing.T) {
	w := newTown(t, 3)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.signsIn(`{"id":"ann"}`)
	b.signsIn(`{"id":"ann"}`)
	a.signedIn()
	b.signedIn()
	w.nodes[2].publishes("#server-to-user-ann", "1")
	w.settle()
	a.hears(event("#server-to-user-ann", "1"))
	b.hears(event("#server-to-user-ann", "1"))
}

// terminates has the node's API close the user's sockets. The answer is not
// waited for.
func (h *house) terminates(user string) {
	ended, end := context.WithCancel(context.Background())
	end()
	_ = h.peer.Terminate(ended, &h.town.app, user)
	h.town.settle()
}

func TestTerminate_ClosesOnAllNodes_AlsoOnOneThatWasAway(t *testing.T) {
	w := newTown(t, 3)
	a, b, other := w.nodes[0].visit(), w.nodes[1].visit(), w.nodes[1].visit()
	a.signsIn(`{"id":"ann"}`)
	b.signsIn(`{"id":"ann"}`)
	other.signsIn(`{"id":"bob"}`)
	w.nodes[1].cut()
	w.nodes[2].terminates("ann")
	if a.closed != 4009 || b.closed != 0 {
		t.Fatalf("closed with %d and %d", a.closed, b.closed)
	}
	w.passes(40 * time.Second)
	w.nodes[1].peer.cfg.OnGap = GapKeep
	w.nodes[1].connect()
	w.settle()
	if b.closed != 4009 || other.closed != 0 {
		t.Fatalf("closed with %d and %d", b.closed, other.closed)
	}
	c := w.nodes[0].visit()
	c.signsIn(`{"id":"ann"}`)
	w.passes(time.Second)
	if c.closed != 0 {
		t.Error("who signs in afterwards is closed")
	}
}

// The node has a replica of the user for somebody who watches, and lets the user
// in without the ledger.
func TestTerminate_WhoWasLetInWithoutTheLedger_IsClosed(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 40 * time.Second} {
		w := newTown(t, 2)
		near, far := w.nodes[0], w.nodes[1]
		near.peer.cfg.OnGap = GapKeep
		near.visit().signsIn(`{"id":"eve","watchlist":["ann"]}`)
		near.cut()
		a := near.visit()
		a.signsIn(`{"id":"ann"}`)
		w.passes(2100 * time.Millisecond)
		a.signedIn()
		far.terminates("ann")
		w.passes(away)
		near.connect()
		w.settle()
		if a.closed != 4009 {
			t.Errorf("after %v: closed with %d", away, a.closed)
		}
		b := near.visit()
		b.signsIn(`{"id":"ann"}`)
		w.passes(time.Second)
		if b.closed != 0 {
			t.Errorf("after %v: who signs in afterwards is closed with %d", away, b.closed)
		}
	}
}

// The server runs anew with its data while a node is away, for shorter or longer
// than the log of the new memory reaches. Only closes that the node has not seen
// count.
func TestTerminate_ServerRunsAnewWhileTheNodeIsAway(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 40 * time.Second} {
		w := newTown(t, 2)
		near, far := w.nodes[0], w.nodes[1]
		near.peer.cfg.OnGap = GapKeep
		before, a, b := near.visit(), near.visit(), near.visit()
		before.signsIn(`{"id":"ann"}`)
		b.signsIn(`{"id":"bob"}`)
		far.terminates("ann")
		if before.closed != 4009 {
			t.Fatalf("closed with %d", before.closed)
		}
		a.signsIn(`{"id":"ann"}`) // is back
		w.passes(5 * time.Second)
		near.cut()
		far.terminates("bob")
		far.cut()
		w.engine.run += "x"
		far.connect()
		w.passes(away)
		near.connect()
		w.passes(5 * time.Second)
		if a.closed != 0 {
			t.Errorf("after %v: who signed in behind a close that the node has seen is closed with %d", away, a.closed)
		}
		if b.closed != 4009 {
			t.Errorf("after %v: who was terminated meanwhile is closed with %d", away, b.closed)
		}
	}
}

func TestTerminate_WhileTheSignInWaitsForOthers_Closes(t *testing.T) {
	w := newTown(t, 2)
	a := w.nodes[0].visit()
	a.pipelines("%s", a.signin(`{"id":"ann","watchlist":["bob"]}`))
	for q := w.nodes[0].peer.partitionOf(userSubject(&w.app, "ann")); ; {
		if s := q.subjects[userSubject(&w.app, "ann")]; s.confirmed && s.known {
			break
		}
		w.steps[0]()
		w.steps = w.steps[1:]
	}
	w.nodes[1].peer.cfg.JoinPatience = 0
	w.nodes[1].terminates("ann")
	if a.closed != 4009 {
		t.Errorf("closed with %d", a.closed)
	}
}

func TestSignIn_WhileAway_IsAnsweredWithWhatIsKnown(t *testing.T) {
	w := newTown(t, 2)
	b := w.nodes[1].visit()
	b.signsIn(`{"id":"bob"}`)
	w.nodes[0].cut()
	a := w.nodes[0].visit()
	a.signsIn(`{"id":"ann","watchlist":["bob"]}`)
	a.hears()
	w.passes(2100 * time.Millisecond)
	a.signedIn()
	a.hears(offline("bob"))
	w.nodes[0].connect()
	w.settle()
	a.hears(online("bob"))
}
