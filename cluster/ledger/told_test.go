package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const grace = 3 * time.Second

// lives has the ledger's time go on, in ms, with ticks of at most a second.
func (d *desk) lives(ms int64) {
	d.t.Helper()
	for ; ms > 0; ms -= 1000 {
		d.now += min(ms, 1000)
		d.ask(Tick{Grace: grace})
	}
}

// told is what went into the outbox since it was asked last.
func (d *desk) told() string {
	var all []string
	for _, it := range d.l.outbox.records {
		r := it.record
		if r.ID <= d.read {
			continue
		}
		d.read = r.ID
		text := [...]string{RecordOccupied: "occupied", RecordVacated: "vacated", RecordAdded: "+", RecordRemoved: "-", RecordCount: "count ", RecordEvent: "event "}[r.Kind] + r.User
		switch r.Kind {
		case RecordCount:
			text += fmt.Sprint(r.Count)
		case RecordEvent:
			text += string(r.Payload)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func hooked(op Op) Op {
	op.Hooks = HookChannel | HookMembers
	return op
}

func known(op Op) Op {
	op.Known = true
	return hooked(op)
}

func TestTold_TabsOnTwoNodes_OneComingAndOneGoing(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, hooked(on(1, "anna")))
	d.do(B, 1, hooked(on(1, "anna")))
	d.want("occupied +anna", d.told())
	d.do(A, 1, hooked(off(0, "anna")))
	d.lives(10_000)
	d.want("", d.told())
	d.do(B, 1, hooked(off(0, "anna")))
	d.lives(2000)
	d.want("", d.told())
	d.lives(1000)
	d.want("-anna vacated", d.told())
	d.lives(10_000)
	d.want("", d.told())
	if len(d.l.told)+len(d.l.places) > 0 {
		t.Error("something is remembered of nobody")
	}
}

func TestTold_NobodyWantsToKnow_NothingIsKept(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, on(1, "anna"), Op{Kind: OpEvent, Subject: room, Client: true})
	if len(d.l.told) > 0 || len(d.l.tallies) > 0 || d.told() != "" {
		t.Errorf("%d are told, %d counted", len(d.l.told), len(d.l.tallies))
	}
	d.do(A, 1, hooked(off(0, "anna")))
	d.lives(5000)
	d.want("", d.told())
}

func TestTold_BackWithinTheGrace_NeverGone(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, hooked(on(1, "anna")))
	d.told()
	for range 3 {
		d.do(A, 1, hooked(off(0, "anna")))
		d.lives(2000)
		if a := d.ask(Describe{room}); len(a.Members) > 0 {
			t.Error("who is going is listed")
		}
		d.do(B, 1, hooked(on(1, "anna")))
		d.do(B, 1, hooked(off(0, "anna")))
		d.do(A, 1, hooked(on(1, "anna")))
	}
	d.lives(10_000)
	d.want("", d.told())
}

func TestTold_RefusedMember_IsNotTold(t *testing.T) {
	d := newDesk(t).opened(A)
	op := hooked(on(2, "anna", "bert"))
	op.Most = 1
	d.do(A, 1, op, hooked(off(1, "bert")))
	d.lives(5000)
	d.want("occupied +anna", d.told())
}

func TestTold_NodeIsStruck_ItsMembersGoAfterTheGrace(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, hooked(on(2, "anna", "bert")))
	d.do(B, 1, hooked(on(1, "bert")))
	d.told()
	d.strike(A)
	d.lives(2000)
	d.want("", d.told())
	d.lives(2000)
	d.want("-anna", d.told())
	d.strike(B)
	d.lives(5000)
	d.want("-bert vacated", d.told())
}

func TestTold_StruckNodesMemberIsOnAnotherInTime_NothingIsTold(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, hooked(on(1, "anna")))
	d.told()
	d.strike(A)
	d.lives(2000)
	d.do(B, 1, hooked(on(1, "anna")))
	d.lives(5000)
	d.want("", d.told())
}

func TestTold_NodeEntersWithoutAMember_ThatOneGoes(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, hooked(on(2, "anna", "bert")))
	d.told()
	d.ask(Link{Node: A, Epoch: 1, First: 3, Enter: true})
	d.do(A, 2, hooked(on(1, "anna")), Op{Kind: OpDone})
	d.lives(5000)
	d.want("-bert", d.told())
}

func TestTold_YoungPartition_TicksTellNothing(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, hooked(on(2, "anna", "bert")))
	d.told()
	d.ask(Link{Node: B, Epoch: 1, First: 2, Enter: true})
	d.do(A, 1, hooked(off(1, "anna")), hooked(on(2, "carl")), hooked(on(3, "dora")), hooked(off(2, "dora")))
	d.lives(5000)
	d.want("", d.told())
	d.do(B, 2, hooked(on(1, "anna")), Op{Kind: OpDone})
	d.lives(5000)
	d.want("+carl", d.told())
}

func TestTold_MemoryIsLost_WhatIsKnownIsNotToldAgain(t *testing.T) {
	d := newDesk(t)
	d.ask(Link{Node: A, Epoch: 3, First: 7, Peers: []Node{B}})
	d.n[A] = 6
	// A joined new and gone in the dark are among what is said again.
	d.do(A, 4, known(on(2, "anna")), hooked(on(2, "new")), known(off(2, "bert", "carl")), Op{Kind: OpDone})
	d.lives(10_000)
	d.want("", d.told())
	d.ask(Link{Node: B, Epoch: 3, First: 7})
	d.n[B] = 6
	d.do(B, 4, known(on(1, "carl")), Op{Kind: OpDone})
	d.lives(1000)
	d.want("+new -bert", d.told())
	d.do(B, 4, known(off(0, "carl")))
	d.lives(4000)
	d.want("-carl", d.told())
}

func TestTold_LastOfAKnownChannelIsGone_ItIsVacated(t *testing.T) {
	d := newDesk(t)
	d.ask(Link{Node: A, Epoch: 3, First: 7})
	d.n[A] = 6
	d.do(A, 4, known(hold(news, 0)), Op{Kind: OpDone})
	d.lives(4000)
	d.want("vacated", d.told())
}

func TestTold_EventsOfClients_InTheOrderOfTheChannel(t *testing.T) {
	d := newDesk(t).opened(A)
	op := Op{Kind: OpEvent, Subject: room, Client: true, Payload: []byte("1"), Hooks: HookEvents}
	d.do(A, 1, hooked(on(1, "anna")), op, hooked(on(2, "bert")), Op{Kind: OpEvent, Subject: room, Client: true, Payload: []byte("2")})
	d.want("occupied +anna event 1 +bert", d.told())
}
