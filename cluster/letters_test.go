package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fanfare/cluster/ledger"
)

// bodies are answers by the node.
func bodies(answers map[ledger.Node][]byte) map[ledger.Node]string {
	texts := map[ledger.Node]string{}
	for n, b := range answers {
		texts[n] = string(b)
	}
	return texts
}

func TestAsk_HasTheAnswersOfThoseThatAnswered(t *testing.T) {
	w := newTown(t, 3)
	w.passes(5 * time.Second) // all have beaten
	a, b, c := w.nodes[0], w.nodes[1], w.nodes[2]
	if got := a.peer.Others(); !slices.Equal(got, []ledger.Node{2, 3}) {
		t.Fatalf("the others are %v", got)
	}
	q := a.peer.put(a.peer.Others(), []byte("who?"), 2*time.Second, 10)
	w.settle()
	for _, h := range []*house{b, c} {
		if len(h.asked) != 1 || string(h.asked[0].Body) != "who?" || h.asked[0].Left != 2*time.Second || h.asked[0].Most != 10 {
			t.Fatalf("asked %+v", h.asked)
		}
	}
	b.asked[0].Answer([]byte("b"))
	b.asked[0].Answer([]byte("b again"))
	c.asked[0].Answer([]byte("more than ten"))
	w.settle()
	select {
	case <-q.done:
		t.Error("done without the answer of c")
	default:
	}
	c.asked[0].Answer([]byte("c"))
	w.settle()
	<-q.done
	if got := fmt.Sprint(bodies(a.peer.letters.take(q))); got != "map[2:b 3:c]" {
		t.Errorf("got %s", got)
	}
	late := a.peer.put([]ledger.Node{2}, nil, time.Second, 10)
	w.settle()
	a.peer.letters.take(late)
	b.asked[1].Answer([]byte("too late"))
	w.settle()
	if len(late.answers) > 0 || len(a.peer.letters.asking) > 0 {
		t.Errorf("kept %+v, %+v", late, a.peer.letters.asking)
	}
}

// A node of an earlier version is not asked, so nobody waits for it.
func TestAsk_NodeOfAnEarlierVersion_IsNotWaitedFor(t *testing.T) {
	w := newTown(t, 2)
	w.mute = true
	w.build(9).connect()
	w.passes(5 * time.Second)
	a := w.nodes[0]
	if got := a.peer.Others(); !slices.Equal(got, []ledger.Node{2, 9}) {
		t.Fatalf("the others are %v", got)
	}
	q := a.peer.put([]ledger.Node{9}, nil, time.Second, 10)
	<-q.done
	q = a.peer.put(a.peer.Others(), nil, time.Second, 10)
	w.settle()
	w.nodes[1].asked[0].Answer([]byte("b"))
	w.settle()
	<-q.done
	if got := fmt.Sprint(bodies(a.peer.letters.take(q))); got != "map[2:b]" {
		t.Errorf("got %s", got)
	}
}

// told takes down what is followed.
type told []string

func (h *told) News(from ledger.Node, body []byte) { *h = append(*h, fmt.Sprintf("%d %s", from, body)) }
func (h *told) Silent(nodes []ledger.Node)         { *h = append(*h, fmt.Sprint("silent ", nodes)) }

func (h *told) want(t *testing.T, lines ...string) {
	t.Helper()
	if !slices.Equal(*h, lines) {
		t.Fatalf("got %q, want %q", *h, lines)
	}
	*h = nil
}

func ended(f *Followed) bool {
	select {
	case <-f.Ended():
		return true
	default:
		return false
	}
}

// Nothing is said while nobody follows. Who follows says so again and again, and
// whoever says no more is not told any more.
func TestFollow_LastsAsLongAsItIsSaid(t *testing.T) {
	w := newTown(t, 3)
	w.passes(5 * time.Second)
	a, b := w.nodes[0], w.nodes[1]
	for _, h := range w.nodes {
		h.told = 0
	}
	w.passes(time.Minute)
	if n := a.told + b.told; n > 0 {
		t.Fatalf("%d messages while nobody follows", n)
	}
	var heard told
	stop := a.peer.begin([]byte("all"), 10, &heard)
	w.passes(2 * followLease)
	if len(b.followed) != 1 || ended(b.followed[0]) || string(b.followed[0].Body) != "all" {
		t.Fatalf("followed %+v", b.followed)
	}
	f := b.followed[0]
	f.Tell([]byte("one"))
	f.Tell(nil)
	f.Tell([]byte("more than ten"))
	w.settle()
	heard.want(t, "2 one")
	b.listens = false // what is sent to it is lost
	w.passes(followLease + 2*followEvery)
	heard.want(t, "silent [2]")
	b.listens = true
	w.passes(2 * followEvery)
	heard.want(t, "silent []")
	if len(b.followed) != 2 || !ended(b.followed[0]) {
		t.Errorf("it follows twice: %+v", b.followed)
	}
	stop()
	w.settle()
	for _, f := range b.followed {
		if !ended(f) {
			t.Error("it still follows after it said that it does not")
		}
		f.Tell([]byte("late"))
	}
	w.settle()
	heard.want(t)

	a.peer.begin([]byte("again"), 10, &heard)
	w.settle()
	last := b.followed[len(b.followed)-1]
	if a.frozen = true; string(last.Body) != "again" || ended(last) {
		t.Fatalf("follows %+v", last)
	}
	if w.passes(followLease + time.Second); !ended(last) {
		t.Error("a node that stands still is told without end")
	}
}

func TestFollow_BoundsHowManyFollow(t *testing.T) {
	w := newTown(t, 2)
	w.passes(5 * time.Second)
	var heard told
	for range mostFollowed {
		w.nodes[0].peer.begin(nil, 10, &told{})
	}
	w.settle()
	stop := w.nodes[0].peer.begin(nil, 10, &heard)
	w.passes(followEvery)
	if n := len(w.nodes[1].followed); n != mostFollowed {
		t.Errorf("%d follow", n)
	}
	heard.want(t, "silent [2]")
	stop()
}

func TestTold_WhatCannotBeRead_IsDropped(t *testing.T) {
	w := newTown(t, 2)
	for _, text := range []string{"", "\x02hello", strings.Repeat("\x01", 100)} {
		w.nodes[0].peer.Told([]byte(text))
	}
	l := letter{kind: letterAnswer, id: 77, from: 2}
	w.nodes[0].peer.Told(l.append(nil)) // to no question
	l.kind = letterNews
	w.nodes[0].peer.Told(l.append(nil)) // of nothing that is followed
	if w.nodes[0].asked != nil {
		t.Error("something was asked")
	}
}
