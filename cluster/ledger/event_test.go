package ledger

import (
	"testing"
	"time"
)

func event(s Subject, remember time.Duration) Op {
	return Op{Kind: OpEvent, Subject: s, Payload: []byte(`{"data":"1"}`), Remember: remember, DataFrom: 8, DataTo: 11}
}

func TestEvent_HasItsPlaceAmongTheEntriesOfItsSubject(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, event(room, 0), hold(room, 1), hold(news, 1), event(room, 0), hold(room, 2))
	d.want("2<0 event 1@1 op 2, 3<0 held 1@1 op 3, 4<0 held 1@1 op 4, 5<3 event 1@1 op 5, 6<5 held 1@1 op 6", d.said())
	d.want("seq=6 event=5 1@1:2", d.state(room))
}

func TestEvent_OnASubjectOfWhichNothingIsKnownLeavesNothing(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, event(room, 0))
	d.want("seq=0", d.state(room))
	if len(d.l.places) != 0 {
		t.Errorf("something is left: %v", d.l.places)
	}
}

// An event and whoever asks come between ticks: what is left counts from the moment
// in which the event came, for all.
func TestCached_EndsByTheMomentAndNotByTheTick(t *testing.T) {
	d := newDesk(t).opened(A)
	d.wait(2000)
	d.now += 900
	d.do(A, 1, event(news, 5*time.Second))
	d.now += 50
	d.want(`seq=2 event=2 cached=2 {"data":"1"}["1"] 4950ms`, d.state(news))
	d.now += 50
	d.ask(Tick{})
	d.want(`seq=2 event=2 cached=2 {"data":"1"}["1"] 4900ms`, d.state(news))
	d.wait(4000)
	d.now += 899
	d.want(`seq=2 event=2 cached=2 {"data":"1"}["1"] 1ms`, d.state(news))
	d.now++
	d.want("seq=2 event=2", d.state(news)) // the next tick forgets it
	d.ask(Tick{})
	d.want("seq=0", d.state(news))
}

// A clock that jumps, or ticks that do not come, take two seconds at most.
func TestCached_ClockThatJumpsBetweenTicks_TakesNoMoreThanATick(t *testing.T) {
	d := newDesk(t).opened(A)
	d.wait(2000)
	d.do(A, 1, event(news, 5*time.Second))
	d.now += 3_600_000
	d.want(`seq=2 event=2 cached=2 {"data":"1"}["1"] 3000ms`, d.state(news))
	d.ask(Tick{})
	d.want(`seq=2 event=2 cached=2 {"data":"1"}["1"] 3000ms`, d.state(news))
	d.now -= 7_200_000
	d.want(`seq=2 event=2 cached=2 {"data":"1"}["1"] 3000ms`, d.state(news))
}

func TestCached_UntilItsTimeIsOver(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, event(news, 5*time.Second))
	d.wait(4000)
	d.want(`seq=2 event=2 cached=2 {"data":"1"}["1"] 1000ms`, d.state(news))
	d.do(A, 1, event(news, 3*time.Second)) // takes its place
	d.wait(2999)
	d.want(`seq=3 event=3 cached=3 {"data":"1"}["1"] 1ms`, d.state(news))
	d.do(A, 1, event(news, 0)) // does not
	d.want(`seq=4 event=4 cached=3 {"data":"1"}["1"] 1ms`, d.state(news))
	d.wait(1)
	d.want("seq=0", d.state(news))
	d.do(A, 1, event(news, time.Microsecond)) // less than a millisecond is one
	d.want(`seq=5 event=5 cached=5 {"data":"1"}["1"] 1ms`, d.state(news))
}

func TestClose_IsMarkedForAnHour(t *testing.T) {
	d := newDesk(t).opened(A)
	shut := Op{Kind: OpClose, Subject: anna}
	d.do(A, 1, hold(anna, 1), shut, hold(anna, 0))
	d.want("2<0 held 1@1 op 2, 3<2 closed 1@1 op 3, 4<3 held 1@1 op 4", d.said())
	d.want("seq=4 closed=3", d.state(anna))
	d.wait(markKept - 1)
	d.want("seq=4 closed=3", d.state(anna))
	d.do(A, 1, shut)
	d.wait(markKept - 1)
	d.want("seq=5 closed=5", d.state(anna))
	d.wait(1)
	d.want("seq=0", d.state(anna))
}

func TestClose_AMarkPastItsTimeIsNoneEvenBeforeItIsFreed(t *testing.T) {
	d := newDesk(t).opened(A)
	d.l.Chunk = -1 // frees nothing
	d.do(A, 1, hold(anna, 1), Op{Kind: OpClose, Subject: anna}, Op{Kind: OpClose, Subject: room})
	d.wait(markKept)
	d.want("seq=3 1@1:1", d.state(anna))
	d.want("seq=0", d.state(room))
	if len(d.l.closes) != 1 {
		t.Errorf("%d marks are left; what is asked for is freed, the other is not", len(d.l.closes))
	}
}

func TestClose_MarksAreBounded(t *testing.T) {
	d := newDesk(t).opened(A)
	user := func(i int) Subject { return Subject{User, "app", string(rune(0x1000 + i))} }
	for i := range mostMark {
		d.l.Handle(d.run, d.fresh, 0, Do{Node: A, Epoch: 1, Ops: []Op{{N: uint64(i + 2), Kind: OpClose, Subject: user(i)}}})
	}
	d.n[A] = mostMark + 1
	d.do(A, 1, Op{Kind: OpClose, Subject: user(0)}) // again: nobody's mark goes
	d.want("seq=3 closed=3", d.state(user(1)))
	d.do(A, 1, Op{Kind: OpClose, Subject: user(mostMark)})
	d.want("seq=0", d.state(user(1))) // the oldest
	d.want("seq=4 closed=4", d.state(user(2)))
	d.want("seq=10002 closed=10002", d.state(user(0)))
}
