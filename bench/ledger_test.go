package bench

import (
	"testing"

	"fanfare/bench/client"
)

// deliver books stamps for socket 0 and returns which were new.
func deliver(l *ledger, stamps ...stamp) (fresh []bool) {
	for _, s := range stamps {
		_, ok := l.arrived(0, appendStamp(nil, s), 5000)
		fresh = append(fresh, ok)
	}
	return fresh
}

func TestLedger_CountsWhatIsLateTwiceOrMissing(t *testing.T) {
	l := newLedger(1, 1, 2)
	var sent []stamp
	for range 200 {
		sent = append(sent, l.issue(0, 0, 1000))
		l.accept(0, 0)
	}
	other := l.issue(0, 1, 1000) // of a stream whose numbers are its own
	l.accept(0, 1)

	deliver(l, sent[0], sent[1], sent[3], other)
	if l.delivered != 4 || l.reordered != 0 || l.duplicated != 0 {
		t.Errorf("after a gap: %d delivered, %d reordered, %d duplicated", l.delivered, l.reordered, l.duplicated)
	}
	if got := deliver(l, sent[2], sent[2], sent[3], sent[0]); got[0] != true || got[1] || got[2] || got[3] {
		t.Errorf("a late one and three again are new: %v", got)
	}
	if l.delivered != 5 || l.reordered != 1 || l.duplicated != 3 {
		t.Errorf("%d delivered, %d reordered, %d duplicated; want 5, 1, 3", l.delivered, l.reordered, l.duplicated)
	}
	deliver(l, sent[199], sent[10]) // 10 is out of the window
	if l.duplicated != 4 || l.delivered != 6 {
		t.Errorf("%d duplicated, %d delivered; want 4, 6", l.duplicated, l.delivered)
	}
	if got := l.owed(0, -1); got != 201 {
		t.Errorf("owed %d, want 201", got)
	}
	if got := l.owed(0, 0); got != 1 {
		t.Errorf("owed but for its own stream %d, want 1", got)
	}
	l.refuse(0, 1)
	if got := l.owed(0, 0); got != 0 {
		t.Errorf("owed after a refusal %d, want 0", got)
	}
}

func TestLedger_StrangeStampsAreBookedAsSuch(t *testing.T) {
	l := newLedger(1, 1, 1)
	l.issue(0, 0, 1)
	deliver(l, stamp{stream: 1}, stamp{event: 1})
	l.arrived(0, []byte("~00000000000000000g00"), 1)
	if l.strange != 3 || l.delivered != 0 {
		t.Errorf("%d strange, %d delivered; want 3, 0", l.strange, l.delivered)
	}
}

func TestLedger_LatencyCountsFromWhenDueAndAfterWarmUp(t *testing.T) {
	l := newLedger(1, 1, 1)
	warm := l.issue(0, 0, 1)
	deliver(l, warm)
	l.measure()
	s := l.issue(0, 0, 1_000_000)
	l.arrived(0, appendStamp(nil, s), 5_000_000)
	if l.measured != 1 || l.latency.TotalCount() != 1 {
		t.Fatalf("%d measured, want 1", l.measured)
	}
	if got := l.latency.Max(); got < 4000 || got > 4005 {
		t.Errorf("latency %d µs, want 4000", got)
	}
}

func TestStamp_RoundTrip(t *testing.T) {
	for _, want := range []stamp{{}, {1, 2, 3}, {0xffff, 0xffffffff, 0x9abcdef0}} {
		message := appendData([]byte(`{"event":"bench","channel":"a-b_c","data":"`), want, 60)
		got, ok := parseStamp(findStamp(append(message, `"}`...)))
		if !ok || got != want {
			t.Errorf("%+v came back as %+v, %v", want, got, ok)
		}
	}
	if findStamp([]byte(`{"event":"pusher:pong"}`)) != nil || findStamp([]byte("~123")) != nil {
		t.Error("a stamp where there is none")
	}
	for _, c := range []byte("/:`gAF@\x00\xff") {
		b := appendStamp(nil, stamp{})
		b[7] = c
		if _, ok := parseStamp(b); ok {
			t.Errorf("%q passes as a digit", c)
		}
	}
}

func TestLedger_ADeliveryAllocatesNothing(t *testing.T) {
	l := newLedger(1, 1, 1)
	frame := client.AppendServerFrame(nil, appendData([]byte(`{"event":"bench","channel":"c","data":"`), l.issue(0, 0, 1), 200))
	l.measure()
	n := testing.AllocsPerRun(100, func() {
		_, payload, _, err := client.NextFrame(frame)
		if err != nil {
			t.Error(err)
		}
		text := findStamp(payload)
		appendStamp(text[:0], l.issue(0, 0, 1))
		l.arrived(0, text, 2)
	})
	if n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkDelivery(b *testing.B) {
	for _, tt := range []struct {
		name string
		same bool
	}{{"same-event", true}, {"other-event", false}} {
		b.Run(tt.name, func(b *testing.B) {
			l := newLedger(2, 1, 1)
			var frames [][]byte
			for range 1024 {
				frames = append(frames, client.AppendServerFrame(nil, append(appendData([]byte(`{"event":"bench","channel":"bench-fanout-0","data":"`), l.issue(0, 0, 1), 200), `"}`...)))
			}
			l.from = 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				frame := frames[i&1023]
				if tt.same {
					frame = frames[0]
				}
				_, payload, _, _ := client.NextFrame(frame)
				l.arrived(0, findStamp(payload), 2)
			}
		})
	}
}
