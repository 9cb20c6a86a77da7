package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// keeping is an event that is to be kept.
func keeping(s Subject, events int, ttl time.Duration, bytes int) Op {
	op := event(s, 0)
	op.Keep = Keep{Events: events, TTL: ttl, Bytes: bytes}
	return op
}

// says has the node A say ops.
func (d *desk) says(ops ...Op) Answer {
	d.t.Helper()
	for i := range ops {
		d.n[A]++
		ops[i].N = d.n[A]
	}
	return d.ask(Do{Node: A, Epoch: 1, Ops: ops})
}

// kept says in short what a subject keeps.
func (d *desk) kept(s Subject) string {
	h := d.ask(GetHistory{Subject: s, Most: 100}).History
	text := fmt.Sprintf("dropped %d cleared %d:", h.Dropped, h.Cleared)
	for _, k := range h.Events {
		text += fmt.Sprintf(" %d", k.Seq)
	}
	if st := d.ask(GetState{Subject: s}).State.History; st.Dropped != h.Dropped || st.Cleared != h.Cleared || len(st.Events) != len(h.Events) {
		d.t.Errorf("a state has %+v, a page %+v", st, h)
	}
	return text
}

func (d *desk) keeps(s Subject, want string) {
	d.t.Helper()
	if got := d.kept(s); got != want {
		d.t.Fatalf("%v: %s, want %s", s, got, want)
	}
}

func TestHistory_KeepsTheNewest(t *testing.T) {
	d := newDesk(t).opened(A)
	var ops []Op
	for range 4 {
		ops = append(ops, keeping(news, 3, time.Hour, 0))
	}
	a := d.says(ops...)
	first := a.Placed[0].Seq
	if len(a.Placed) != 4 || a.Placed[3] != (Placement{5, first + 3}) {
		t.Fatalf("placed %v", a.Placed)
	}
	d.keeps(news, fmt.Sprintf("dropped %d cleared 0: %d %d %d", first, first+1, first+2, first+3))
	d.says(event(news, 0)) // one that is not to be kept leaves it
	d.keeps(news, fmt.Sprintf("dropped %d cleared 0: %d %d %d", first, first+1, first+2, first+3))
	d.says(keeping(news, 1, time.Hour, 0))
	d.keeps(news, fmt.Sprintf("dropped %d cleared 0: %d", first+3, first+5))
}

func TestHistory_AppsOldestGoAboveItsBytes(t *testing.T) {
	d := newDesk(t).opened(A)
	other := Subject{Channel, "app", "other"}
	foreign := Subject{Channel, "another", "other"}
	one := keeping(news, 9, time.Hour, 0)
	most := 3*one.Size() - 1
	first := d.says(keeping(foreign, 9, time.Hour, most), keeping(news, 9, time.Hour, most), keeping(other, 9, time.Hour, most), keeping(news, 9, time.Hour, most), keeping(news, 9, time.Hour, most)).Placed[0].Seq
	d.keeps(foreign, fmt.Sprintf("dropped 0 cleared 0: %d", first))
	d.keeps(news, fmt.Sprintf("dropped %d cleared 0: %d %d", first+1, first+3, first+4))
	d.keeps(other, fmt.Sprintf("dropped 0 cleared 0: %d", first+2))
	d.says(keeping(other, 9, time.Hour, 1)) // larger than all: it alone stays
	d.keeps(other, fmt.Sprintf("dropped %d cleared 0: %d", first+2, first+5))
	d.keeps(news, fmt.Sprintf("dropped %d cleared 0:", first+4))
}

func TestHistory_EndsByLedgerTime(t *testing.T) {
	d := newDesk(t).opened(A)
	first := d.says(keeping(news, 9, 3*time.Second, 0), keeping(news, 9, time.Second, 0)).Placed[0].Seq
	d.keeps(news, fmt.Sprintf("dropped 0 cleared 0: %d %d", first, first+1)) // the second waits for the first
	for range 2 {
		d.now += 2000
		d.ask(Tick{})
	}
	d.keeps(news, fmt.Sprintf("dropped %d cleared 0:", first+1))
	if dump := strings.Join(d.l.Dump(), "\n"); strings.Contains(dump, "history") || strings.Contains(dump, "keeps") {
		t.Errorf("something is left:\n%s", dump)
	}
}

func TestHistory_ClearedIsKnownForAnHour(t *testing.T) {
	d := newDesk(t).opened(A)
	first := d.says(keeping(news, 9, time.Hour, 0), Op{Kind: OpClear, Subject: news}).Placed[0].Seq
	d.keeps(news, fmt.Sprintf("dropped %d cleared %d:", first+1, first+1))
	d.says(keeping(news, 9, time.Hour, 0))
	d.keeps(news, fmt.Sprintf("dropped %d cleared %d: %d", first+1, first+1, first+2))
	for range 1801 {
		d.now += 2000
		d.ask(Tick{})
	}
	d.keeps(news, fmt.Sprintf("dropped %d cleared 0:", first+2))
}

func TestHistory_StaysOverABirth(t *testing.T) {
	d := newDesk(t).opened(A)
	first := d.says(keeping(news, 9, time.Hour, 0)).Placed[0].Seq
	d.run = "another"
	d.keeps(news, fmt.Sprintf("dropped 0 cleared 0: %d", first))
}
