package cluster

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fanfare/cluster/ledger"
)

// watches has a node have a session, and counts what it is told.
func (h *house) watches(id string) *int {
	told := new(int)
	h.peer.WatchSession("1", id, func() { *told++ })
	h.town.settle()
	return told
}

func (h *house) misroutes(id string) {
	h.peer.Misrouted("1", id)
	h.town.settle()
}

func TestSession_ARequestReachesAnotherNode_TheNodeThatHasItIsTold(t *testing.T) {
	w := newTown(t, 3)
	a, b := w.nodes[0], w.nodes[1]
	mine, other := a.watches("abcdefgh"), a.watches("other000")
	b.misroutes("abcdefgh")
	if *mine != 1 || *other != 0 {
		t.Fatalf("the session is told %d times, another %d times", *mine, *other)
	}
	b.misroutes("nobodys0") // a guess
	a.peer.UnwatchSession("1", "abcdefgh")
	w.settle()
	b.misroutes("abcdefgh")
	if *mine != 1 || *other != 0 || a.peer.Health().Misrouted != 1 {
		t.Errorf("told %d and %d times, counted %d", *mine, *other, a.peer.Health().Misrouted)
	}
	if a.watching[sessionSubject("1", "abcdefgh")] || !a.watching[sessionSubject("1", "other000")] {
		t.Error("the feeds are not those of the sessions")
	}
	for _, l := range w.engine.ledgers {
		if d := strings.Join(l.Dump(), "\n"); strings.Contains(d, "abcdefgh") || strings.Contains(d, "nobodys0") {
			t.Errorf("the ledger remembers a session:\n%s", d)
		}
	}
	w.empty()
}

// The engine may hear of the first request that goes astray before it hears of
// the session.
func TestSession_ToldBeforeItsFeedBegan_HearsIt(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0], w.nodes[1]
	busy := ledger.Op{Kind: ledger.OpEvent, Subject: ledger.Subject{Kind: ledger.Channel, App: "1", Name: "busy"}}
	for range 2 * logPage { // in the same partition, since the last answer to a
		b.peer.partitionOf(sessionSubject("1", "abcdefgh")).say(busy, nil)
	}
	w.settle()
	b.peer.Misrouted("1", "abcdefgh")
	told := 0
	a.peer.WatchSession("1", "abcdefgh", func() { told++ })
	w.settle()
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// What was said while a node was cut from the engine is in the log.
func TestSession_ToldWhileItsNodeWasAway_HearsItOnce(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0], w.nodes[1]
	told := a.watches("abcdefgh")
	a.cut()
	b.misroutes("abcdefgh")
	late := a.watches("late0000") // its feed begins with the connection
	if *told != 0 {
		t.Fatal("told over no connection")
	}
	a.connect()
	w.settle()
	b.misroutes("late0000")
	if *told != 1 || *late != 1 {
		t.Errorf("told %d and %d times, want once each", *told, *late)
	}
}

// A session that was opened after a node had no such session is not its own
// misrouted one.
func TestSession_TheNodeThatSaidIt_IsNotTold(t *testing.T) {
	w := newTown(t, 2)
	b := w.nodes[1]
	b.peer.Misrouted("1", "abcdefgh")
	told := b.watches("abcdefgh")
	b.misroutes("abcdefgh")
	if *told != 0 {
		t.Errorf("told %d times", *told)
	}
}

// Whoever names sessions at random reaches the engine 200 times a second, and
// the log once a minute.
func TestSession_ManyMisrouted_AreBounded(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.nodes[0], w.nodes[1]
	var log bytes.Buffer
	a.peer.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	told := a.watches("abcdefgh")
	for range 3 * misroutedPerSecond {
		b.peer.Misrouted("1", "abcdefgh")
	}
	w.settle()
	if *told != misroutedPerSecond {
		t.Errorf("told %d times in an instant", *told)
	}
	w.passes(time.Second)
	b.misroutes("abcdefgh")
	if *told != misroutedPerSecond+1 {
		t.Errorf("told %d times, the last a second later", *told)
	}
	if n := strings.Count(log.String(), "requests of HTTP sessions reach the wrong node"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
	sent := 0
	for _, r := range b.sent {
		if do, ok := r.(ledger.Do); ok {
			sent += len(do.Ops)
		}
	}
	if sent > misroutedPerSecond+1+Partitions { // each partition was entered
		t.Errorf("%d ops", sent)
	}
}
